"""`asynclab` in a lab that stands: the same cases embedded and through the gateway of Compose."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from asynclab import Exchange, Lab, LabError, NoHead, PlayConflict, Site, UnknownFault, UnknownHost
from tests.gateway.proxy.gateways import ProxiedPeer
from tests.sites.fault_table import CASES, Case
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP

BROUGHT_ALONG = ["www.163.com", "www.sina.com.cn", "www.sohu.com"]
OWN_PORT = "accept_then"  # faults by the connection, before a host is named
HEAD, BODY = KEEP[: KEEP.index(b"\r\n\r\n") + 4], KEEP[KEEP.index(b"\r\n\r\n") + 4 :]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 \r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
GONE = "'api.example' is not in this lab: it has "


def peer_of(lab: Lab, host: str, *, secure: bool = False) -> ProxiedPeer:
    """Return a way to a host through the gateway, over TLS if asked."""
    parts = urlsplit(lab.proxy_url)
    context = ssl.create_default_context(cafile=lab.ca_file) if secure else None
    return ProxiedPeer((parts.hostname or "", parts.port or 80), host, context, "connect" if secure else "absolute")


@pytest.fixture
def api(joined: Lab) -> Site:
    """Play a host that is recorded nowhere."""
    return joined.play("api.example", KEEP)


def ask(peer: ProxiedPeer, target: str = "/") -> Heard:
    """Return what a request gets; it says that it is the last."""
    return peer.ask(peer.get(target, fields="Connection: close\r\n"))


@pytest.mark.parametrize("secure", [False, True], ids=["http", "TLS"])
def test_a_host_comes_to_be_by_its_first_play_and_goes_with_its_last(joined: Lab, *, secure: bool) -> None:
    """By the gateway, with a certificate for its name; the next connection has 502 and the names that there are."""
    with pytest.raises(UnknownHost, match=r"lab\.play\('api\.example', response\) adds a host"):
        joined.site("api.example")
    api = joined.play("api.example", OK)
    assert joined.hosts == ["api.example", *BROUGHT_ALONG]
    assert ask(peer_of(joined, "api.example", secure=secure)) == Heard(OK, "fin")
    second = api.play(BUSY, path="/v1/*", times=1)
    answers = [ask(peer_of(joined, "api.example", secure=secure), "/v1/x").data for _ in range(2)]
    assert answers == [BUSY, OK]
    second.remove()
    for play in api.plays():
        play.remove()
    assert joined.hosts == BROUGHT_ALONG
    heard = peer_of(joined, "api.example").ask()
    assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert GONE.encode() in heard.data
    with pytest.raises(UnknownHost):
        api.journal()


def test_a_name_that_is_not_played_is_refused_beside_one_that_is(joined: Lab, api: Site) -> None:
    """Nothing is looked up, whatever else can be reached from the gateway."""
    for name in ("example.com", "localhost", "127.0.0.1", "host.docker.internal", "client", "api.example.com"):
        heard = peer_of(joined, name).ask()
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), name
        assert f"{name!r} is not in this lab: it has {api.host}, ".encode() in heard.data


@pytest.mark.parametrize("secure", [False, True], ids=["http", "TLS"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_gives_its_bytes_and_its_ending(joined: Lab, case: Case, *, secure: bool) -> None:
    """At a host by a play; at one of the lab where the fault needs the host's own port."""
    has_own_port = case.fault.startswith(OWN_PORT)
    site = joined.site("www.163.com") if has_own_port else joined.play("api.example", KEEP)
    peer = peer_of(joined, site.host, secure=secure)
    if has_own_port:
        peer = replace(peer, context=None)  # no handshake will come of it
    site.plan(case.plan)  # type: ignore[arg-type]
    expected = case.expected(HEAD, BODY)
    kept = case.end in ("kept", "recorded")
    heard = ask_in(peer, case, len(expected), kept=kept)
    assert heard.data == expected + (KEEP if kept else b"")
    assert heard.end == {"rst": "rst", "silence": "open"}.get(case.end, "open" if kept else "fin")
    site.verify(count=1, fault=case.fault, ended=how_it_ended(case, kept=kept))
    (entry,) = site.journal(fault=case.fault)
    assert (entry.sent_bytes, entry.tls) == (len(expected), peer.context is not None)


def how_it_ended(case: Case, *, kept: bool) -> str:
    """Return what the journal says."""
    return {"rst": "rst", "silence": "peer_fin"}.get(case.end, "kept" if kept else "fin")


def ask_in(peer: ProxiedPeer, case: Case, expected_bytes: int, *, kept: bool) -> Heard:
    """Send a request and read to the end; leave if silence is expected; ask again if the connection is to be kept."""
    if case.end == "silence":
        return peer.ask_then_leave(expected_bytes)
    if not kept:
        return peer.ask()
    with peer.connect() as connection:
        connection.sendall(peer.get())
        first = listen(connection, expected_bytes)
        connection.sendall(peer.get())
        normal = listen(connection, len(KEEP))
        return Heard(first.data + normal.data, normal.end)


def test_the_journal_has_what_was_sent_and_how_it_ended(joined: Lab, api: Site) -> None:
    """Of the one host, and of all; a POST's body by size and hash; the client's own address."""
    peer = peer_of(joined, "api.example")
    body = b"POST http://api.example/p HTTP/1.1\r\nHost: api.example\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc"
    with peer.connect() as connection:
        connection.sendall(body)
        listen(connection, len(KEEP))
        assert isinstance(connection, socket.socket)
        own = "{}:{}".format(*connection.getsockname())
    api.fault("rst_at", bytes=40)
    assert peer.ask() == Heard(KEEP[:40], "rst")
    ask(peer_of(joined, "www.sohu.com"))
    api.verify(count=2, order=["/p", "/"], at_once=1)
    api.verify(
        count=1, body_sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", body_contains="b"
    )
    first, second = api.journal()
    assert (first.method, first.target, first.field("x-a"), first.body_bytes) == ("POST", "/p", "b", 3)
    assert first.request.startswith(b"POST /p HTTP/1.1\r\nHost: api.example\r\n")
    assert (second.status, second.fault, second.sent_bytes, second.ended) == (200, "rst_at", 40, "rst")
    assert first.peer == own
    assert [each.host for each in joined.journal()] == ["api.example", "api.example", "www.sohu.com"]
    assert shown(joined.journal(fault="rst_at")) == ["api.example GET / rst"]


def shown(entries: list[Exchange]) -> list[str]:
    """Return entries in short."""
    return [f"{each.host} {each.method} {each.target} {each.ended}" for each in entries]


def test_what_is_expected_and_did_not_come_says_what_came_nearest(joined: Lab, api: Site) -> None:
    """As an assertion of the test's own."""
    peer = peer_of(joined, "api.example")
    with peer.connect() as connection:
        connection.sendall(peer.get("/a") + peer.get("/b"))
        listen(connection, 2 * len(KEEP))
    api.verify(count=2)
    for wrong, text in (
        ({"count": 3}, "expected exactly 3, found 2"),
        ({"order": ["/b", "/a"]}, "number 2 of the order"),
        ({"count": 0}, "GET /a"),
        ({"target": "/c"}, "GET /a"),
    ):
        with pytest.raises(AssertionError, match=text):
            api.verify(timeout_s=0.1, **wrong)


def test_several_hosts_of_plays_share_a_process_and_their_entries_are_there_once(joined: Lab) -> None:
    """The journal of the lab is that of all, in the order of time."""
    hosts = [f"h{number}.example" for number in range(5)]
    for host in hosts:
        joined.play(host, OK)
    for host in hosts:
        assert ask(peer_of(joined, host)) == Heard(OK, "fin")
    assert [each.host for each in joined.journal()] == hosts


@pytest.mark.parametrize("is_there", [False, True], ids=["a new host", "a host that was there"])
def test_a_view_leaves_a_lab_as_it_was(lab_url: str, *, is_there: bool) -> None:
    """Faults with what they counted, plays with what is left, and the journal; after each of them the same."""
    with Lab.join(lab_url, timeout_s=20) as lab, lab.view() as outer:
        if is_there:
            outer.play("api.example", BUSY, times=2).play(OK, path="/other")
        site = outer.site("www.sohu.com")
        site.fault("status", status=500, first=1)
        for _ in range(3):
            with outer.view() as inner:
                assert inner.journal() == []
                assert ("api.example" in inner.hosts) is is_there
                inner.play("api.example", OK).fault("fin_at", bytes=5)
                assert ask(peer_of(lab, "api.example")) == Heard(OK[:5], "fin")
                assert ask(peer_of(lab, "www.sohu.com")).data.split(b" ")[1] == b"500"
                assert [each.host for each in inner.journal()] == ["api.example", "www.sohu.com"]
            assert ("api.example" in outer.hosts) is is_there
            assert [(each.fault, each.seen, each.fired) for each in site.faults()] == [("status", 0, 0)]
        if is_there:
            statuses = [ask(peer_of(lab, "api.example")).data.split(b" ")[1] for _ in range(3)]
            assert statuses == [b"503", b"503", b"404"]


@pytest.mark.parametrize(
    ("error", "text", "wrong"),
    [
        (NoHead, "api.example", lambda lab: lab.play("api.example", b"nonsense")),
        (NoHead, "bytes", lambda lab: lab.play("api.example", "HTTP/1.1 200 OK\r\n\r\n")),
        (PlayConflict, "delete play", lambda lab: lab.play("api.example", OK).play(OK)),
        (LabError, "host name", lambda lab: lab.play("a b", OK)),
        (LabError, "address", lambda lab: lab.play("127.0.0.1", OK)),
        (LabError, "already", lambda lab: lab.play("gateway", OK)),
        (UnknownHost, "did you mean www.163.com", lambda lab: lab.site("www.136.com")),
        (UnknownFault, "did you mean|rst_at", lambda lab: lab.site("www.163.com").fault("rst_et")),
    ],
)
def test_what_is_wrong_is_a_typed_error_of_one_line(
    joined: Lab, error: type[LabError], text: str, wrong: object
) -> None:
    """With what to do; and nothing is changed."""
    assert callable(wrong)
    with pytest.raises(error, match=text) as caught:
        wrong(joined)
    assert "\n" not in str(caught.value)


def test_the_environment_leads_a_program_to_every_host(joined: Lab, api: Site) -> None:
    """Over HTTP and TLS, by its variables alone; hello has its URL."""
    program = """if True:
        import os, sys, urllib.request
        for url in sys.argv[1:]:
            print(urllib.request.urlopen(url, timeout=20).read().decode())
        """
    urls = ["http://api.example/", "https://api.example/"]
    done = subprocess.run(
        [sys.executable, "-c", program, *urls],
        env=os.environ | joined.environ,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("hello\nhello\n", 0), done.stderr
    assert joined.environ["ASYNCLAB_URL"] == joined.proxy_url
    api.verify(count=1, tls=True)
    api.verify(count=1, tls=False)


def test_urls_are_of_the_host_wherever_the_lab_runs(joined: Lab, api: Site) -> None:
    """Direct where it is embedded, and its name in containers; through the proxy both work."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": joined.proxy_url}))
    if not joined.is_direct:
        assert (api.url, api.tls_url) == ("http://api.example", "https://api.example")
        assert opener.open(api.url, timeout=20).read() == b"hello"
    assert opener.open("http://api.example/", timeout=20).read() == b"hello"
    api.fault("status", status=503)
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        opener.open("http://api.example/", timeout=20)
    refused.value.close()


def test_threads_play_and_ask_at_the_same_time(joined: Lab) -> None:
    """Each host is there as soon as its play has returned."""
    found: dict[str, bytes] = {}

    def play_and_ask(host: str) -> None:
        joined.play(host, OK)
        found[host] = ask(peer_of(joined, host)).data

    threads = [threading.Thread(target=play_and_ask, args=(f"t{number}.example",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {f"t{number}.example": OK for number in range(16)}


def test_the_description_of_the_lab_is_what_it_says_itself(joined: Lab) -> None:
    """At the address that the client uses."""
    peer = peer_of(joined, "x")
    page = peer.ask(f"GET /lab HTTP/1.1\r\nHost: {urlsplit(joined.proxy_url).netloc}\r\n\r\n".encode())
    assert set(json.loads(page.data.partition(b"\r\n\r\n")[2])["sites"]) == set(joined.hosts)
