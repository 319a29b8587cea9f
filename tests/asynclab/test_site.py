"""A site's faults, plays and journal; what is refused is a typed error of one line that says what to do."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from asynclab import (
    BadParameter,
    Exchange,
    Lab,
    LabError,
    NoHead,
    PlayConflict,
    Refused,
    Site,
    UnknownFault,
    UnknownHost,
)
from asynclab.criteria import CHECKS, Criteria, LabCriteria
from asynclab.play import MAX_BYTES
from asynclab.site import MAX_QUERY_BYTES
from services.sites.admin.journal.query import FILTERS
from tests.asynclab.client import fetch, status_line

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = "www.163.com"


@pytest.fixture
def site(lab: Lab) -> Site:
    """A recorded host."""
    return lab.site(HOST)


def test_faults_are_put_in_force_counted_and_cleared(site: Site) -> None:
    """The first that applies is used; those before are replaced."""
    site.fault("drip")
    site.plan([{"fault": "status", "status": 500, "first": 1}, {"fault": "fin_at", "bytes": 7}])
    assert status_line(fetch(site.url, host=HOST)) == b"HTTP/1.1 500 Internal Server Error"
    assert len(fetch(site.url, host=HOST)) == 7
    first, second = site.faults()
    assert (first.fault, first.parameters["status"], first.seen, first.fired) == ("status", 500, 2, 1)
    assert (second.fault, second.parameters["bytes"], second.seen, second.fired) == ("fin_at", 7, 2, 1)
    site.clear()
    assert site.faults() == []


def test_a_fault_without_parameters_may_be_its_name(site: Site) -> None:
    """Also among others."""
    site.plan(["drip", {"fault": "fin_at", "bytes": 7}])
    assert [each.fault for each in site.faults()] == ["drip", "fin_at"]


def test_a_port_that_is_refused_is_open_again(site: Site) -> None:
    """At the same URL."""
    url = site.url
    site.fault("refuse")
    with pytest.raises(ConnectionRefusedError):
        fetch(url, host=HOST)
    site.clear()
    assert site.url == url
    assert fetch(url, host=HOST)


MATCHES: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "method": ({"method": "POST"}, {"method": "POST"}),
    "path": ({"path": "/v1/*"}, {"target": "/v1/users"}),
    "query": ({"query": {"page": "2"}}, {"target": "/?page=2"}),
    "fields": ({"fields": {"Accept": "text/html"}}, {"fields": "accept: text/html\r\n"}),
}


@pytest.mark.parametrize(("match", "request_"), MATCHES.values(), ids=MATCHES)
def test_a_play_answers_what_it_matches(
    site: Site, match: Mapping[str, object], request_: Mapping[str, object]
) -> None:
    """Other requests get what is recorded; so do all once it is removed."""
    recorded = fetch(site.url, host=HOST)
    play = site.play(OK, **match)  # type: ignore[arg-type] # a table of cases has no types
    assert fetch(site.url, host=HOST, **request_) == OK  # type: ignore[arg-type]
    assert fetch(site.url, host=HOST) == recorded
    assert site.plays() == [play]
    play.remove()
    assert fetch(site.url, host=HOST, **request_) == recorded  # type: ignore[arg-type]
    assert site.plays() == []


@pytest.mark.parametrize("size", [512 * 1024, 512 * 1024 + 1, MAX_BYTES], ids=["JSON", "as it is", "the largest"])
def test_a_play_may_be_large(lab: Lab, size: int) -> None:
    """It is played to the byte, whichever way it is sent, where it matches and as often as it says."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    body_bytes = size - len(head % size)
    raw = head % body_bytes + bytes(body_bytes)
    site = lab.play("large.example", OK)
    play = site.play(raw, path="/x*", query={"a": "é&"}, times=1)
    assert (len(raw), play.times, play.match) == (size, 1, {"path": "/x*", "query": {"a": "é&"}})
    for expected in (raw, OK):
        assert fetch(site.url, host=site.host, target="/xy?a=%C3%A9%26") == expected


def test_the_newest_play_comes_first_and_then_the_one_before(lab: Lab) -> None:
    """A host that is there by its plays goes with the last."""
    site = lab.play("api.example", OK)
    site.play(b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", times=1)
    assert [play.times for play in site.plays()] == [1, None]
    answers = [status_line(fetch(site.url, host="api.example")) for _ in range(2)]
    assert answers == [b"HTTP/1.1 503 ", b"HTTP/1.1 200 OK"]
    for play in site.plays():
        play.remove()
    assert "api.example" not in lab.hosts
    with pytest.raises(UnknownHost):
        site.journal()


def test_the_journal_has_what_the_site_saw(site: Site) -> None:
    """Every byte of the request's head, how it ended, and times in UTC."""
    before = datetime.now(UTC)
    site.fault("rst_at", bytes=40)
    fetch(site.url, host=HOST, target="/a?b", fields="X-Odd:  caf\u00e9 \r\n", method="PUT", body=b"abc")
    (entry,) = site.journal()
    assert entry.request.startswith(b"PUT /a?b HTTP/1.1\r\nHost: www.163.com\r\n")
    assert entry.request.endswith(b"\r\n\r\n")
    assert (entry.method, entry.target, entry.host, entry.tls) == ("PUT", "/a?b", HOST, False)
    assert (entry.fault, entry.ended, entry.sent_bytes, entry.exchange) == ("rst_at", "rst", 40, 1)
    assert (entry.body_bytes, entry.body_sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    assert (entry.field("x-odd"), entry.field("Cookie")) == ("caf\u00c3\u00a9", None)
    assert entry.ended_at is not None
    slack = timedelta(seconds=1)  # the wall clock may be adjusted meanwhile
    assert before - slack < entry.accepted_at <= entry.received_at <= entry.ended_at < datetime.now(UTC) + slack
    assert entry.received_at.utcoffset() == timedelta(0)
    assert site.journal() == [entry]
    assert str(entry).endswith(f"{HOST} PUT /a?b: 302, 40 bytes, rst by rst_at")


def test_the_journal_is_filtered(lab: Lab, site: Site) -> None:
    """By any criterion; the newest come last, and are those that a limit leaves."""
    other = lab.play("api.example", OK)
    for target in ("/1", "/2", "/3"):
        fetch(site.url, host=HOST, target=target)
    fetch(other.url, host="api.example", target="/2")

    def targets(exchanges: list[Exchange]) -> list[str | None]:
        return [each.target for each in exchanges]

    assert targets(site.journal()) == ["/1", "/2", "/3"]
    assert targets(site.journal(limit=2)) == ["/2", "/3"]
    assert targets(site.journal(target="/2", tls=False)) == ["/2"]
    assert targets(site.journal(method="POST")) == []
    assert targets(lab.journal()) == ["/1", "/2", "/3", "/2"]


def test_the_journal_is_there_when_its_first_host_has_gone(lab: Lab, site: Site) -> None:
    """Every host of a site has the same journal."""
    play = lab.play("a.example", OK).plays()[0]
    fetch(site.url, host=HOST)
    play.remove()
    assert [each.host for each in lab.journal()] == [HOST]


def test_what_asks_for_no_host_of_the_lab_is_in_its_journal(lab: Lab, site: Site) -> None:
    """A connection without a whole request too, with what came of it, escaped where it is shown."""
    fetch(site.url, host="elsewhere.example")
    fetch(site.url, host=HOST, method="\x1b[2J")
    assert [each.status for each in lab.journal()] == [421, 400]
    assert "\x1b" not in "".join(map(str, lab.journal()))


def test_verify_waits_for_what_is_on_its_way(site: Site) -> None:
    """The request is sent by another thread once the first answer of the journal was no."""
    waiting = threading.Timer(0.05, lambda: fetch(site.url, host=HOST, target="/late"))
    waiting.start()
    site.verify(count=1, target="/late", timeout_s=20)
    waiting.join()


Expect = Callable[[Site], None]
MET: Mapping[str, Expect] = {
    "at least one": lambda site: site.verify(method="GET"),
    "count": lambda site: site.verify(count=2),
    "none": lambda site: site.verify(count=0, method="POST"),
    "bounds": lambda site: site.verify(at_least=1, at_most=2, ended="fin"),
    "at most": lambda site: site.verify(at_most=0, method="POST"),
    "order of targets": lambda site: site.verify(order=["/a", "/b"]),
    "order of criteria": lambda site: site.verify(order=[{"target": "/a"}, {"status": 302}]),
    "at once": lambda site: site.verify(at_once=1),
    "fields": lambda site: site.verify(count=2, fields={"host": HOST, "cookie": None}),
    "all": lambda site: site.verify(count=2, method="GET", order=["/a", "/b"], at_once=1),
}


@pytest.mark.parametrize("expect", MET.values(), ids=MET)
def test_what_is_met_is_verified(site: Site, expect: Expect) -> None:
    """After two requests, one after the other."""
    for target in ("/a", "/b"):
        fetch(site.url, host=HOST, target=target)
    expect(site)


UNMET: Mapping[str, tuple[Expect, str]] = {
    "too few": (
        lambda site: site.verify(count=3, method="GET", timeout_s=0),
        r"^www.163.com: expected exactly 3 with method='GET', found 2\n  found: #\d+ GET /a.*\n  found: #\d+ GET /b",
    ),
    "too few, with others": (
        lambda site: site.verify(count=2, target="/a", timeout_s=0),
        r"found 1\n  found: #\d+ GET /a, status 302, fin\n  nearest: #\d+ GET /b, status 302, fin: target: '/b' is ",
    ),
    "none like it": (
        lambda site: site.verify(method="POST", timeout_s=0),
        r"expected at least 1 with method='POST', found 0\n  nearest: #\d+ GET /a, status 302, fin: method: 'GET' is ",
    ),
    "too many": (
        lambda site: site.verify(count=1),
        r"expected exactly 1, found 2\n  found: #\d+ GET /a, status 302, fin\n",
    ),
    "one too many": (lambda site: site.verify(count=0, target="/b"), r"expected none with target='/b', found 1\n"),
    "another order": (
        lambda site: site.verify(order=["/b", "/a"], timeout_s=0),
        r"expected '/a', number 2 of the order, as an entry after \d+: there is none\n  found: #\d+ GET /b, status 302",
    ),
    "at once": (lambda site: site.verify(at_once=0), r"expected at most 0 at once, found 1\n"),
}


@pytest.mark.parametrize(("expect", "text"), UNMET.values(), ids=UNMET)
def test_what_is_not_met_fails_with_what_comes_nearest(site: Site, expect: Expect, text: str) -> None:
    """What more requests cannot mend fails at once, whatever the deadline is."""
    for target in ("/a", "/b"):
        fetch(site.url, host=HOST, target=target)
    with pytest.raises(AssertionError, match=text):
        expect(site)


@pytest.mark.parametrize(
    "expect",
    [
        lambda site: site.verify(head_contains="a" * 100_000),
        lambda site: site.verify(fields={"a" * 100_000: "b"}),
        lambda site: site.verify(order=["/" + "a" * 100_000]),
    ],
    ids=["a text", "a name", "a step"],
)
def test_long_criteria_are_cut(site: Site, expect: Expect) -> None:
    """What is expected is shown in a line that a person can read."""
    with pytest.raises(AssertionError) as failed:
        expect(site)
    assert "aaa..." in str(failed.value)
    assert len(str(failed.value)) < 1_000


def test_a_filter_up_to_the_limit_is_sent(site: Site) -> None:
    """The admin side takes all that this package lets through."""
    sent = MAX_QUERY_BYTES - len(f"since={10**12}&limit=1000&head_contains=&host={HOST}")
    assert site.journal(head_contains="a" * sent) == []


@pytest.mark.anyio
async def test_verify_on_an_event_loop_says_that_the_loop_stood_still(site: Site, blockbuster: object) -> None:
    """A client on the same loop could not send its request meanwhile: the error says what to do."""
    blockbuster.deactivate()  # type: ignore[attr-defined] # the call is to block
    with pytest.raises(AssertionError, match=r"await asyncio\.to_thread"):
        site.verify(timeout_s=0.01)


def remove_twice(lab: Lab) -> None:
    """Remove a play that has gone."""
    play = lab.site(HOST).play(OK)
    play.remove()
    play.remove()


Use = Callable[[Lab], object]
REFUSED: Mapping[str, tuple[Use, type[LabError], str]] = {
    "a host": (lambda lab: lab.site("www.163.co"), UnknownHost, "did you mean www.163.com[?] it has www.163.com, "),
    "no host at all": (lambda lab: lab.site("\r\n x"), UnknownHost, r"'\\r\\n x' is not in this lab: it has"),
    "no name of a host": (lambda lab: lab.site("a..b"), UnknownHost, "www.sohu.com$"),
    "an address as a site": (lambda lab: lab.site("127.0.0.1"), UnknownHost, "www.sohu.com$"),
    "localhost as a site": (lambda lab: lab.site("LOCALHOST."), UnknownHost, "www.sohu.com$"),
    "hello as a site": (lambda lab: lab.site("hello"), UnknownHost, "www.sohu.com$"),
    "half a character as a site": (lambda lab: lab.site("\ud800"), UnknownHost, r"^'\\ud800' .* www.sohu.com$"),
    "a name of any length": (
        lambda lab: lab.site("a" * 100_000),
        UnknownHost,
        r"^'a{252}[.]{3} is not .* www.sohu.com$",
    ),
    "a filter of any length": (
        lambda lab: lab.site(HOST).journal(head_contains="a" * 100_000),
        BadParameter,
        "100,[0-9]+ bytes in the URL of the request, and 8,000 is the limit: give a shorter head_contains$",
    ),
    "half a character to play": (lambda lab: lab.play("\ud800", OK), BadParameter, "is not a host name: letters"),
    "a fault": (lambda lab: lab.site(HOST).fault("rst"), UnknownFault, "'rst' is not a fault: there are delay, "),
    "a parameter": (
        lambda lab: lab.site(HOST).fault("rst_at", bites=1, bytes=1),
        BadParameter,
        "bites is unknown: rst_at has bytes",
    ),
    "a parameter of two lines": (lambda lab: lab.site(HOST).fault("drip", **{"a\nb": 1}), BadParameter, r"a\\nb is un"),
    "half a character in a name": (
        lambda lab: lab.site(HOST).play(OK, query={"\ud800": "x"}),
        BadParameter,
        r"query\.\\ud800 'x' is not a value",
    ),
    "half a character in a filter": (
        lambda lab: lab.site(HOST).journal(head_contains="\ud800"),
        BadParameter,
        "head_contains is not ASCII text",
    ),
    "more seconds than can be waited": (lambda _lab: Lab(timeout_s=10**400), BadParameter, "0 to 1,000,000"),
    "a missing parameter": (lambda lab: lab.site(HOST).fault("rst_at"), BadParameter, "bytes is missing"),
    "a value": (lambda lab: lab.site(HOST).fault("rst_at", bytes=-1), BadParameter, "bytes '-1' is not a whole number"),
    "a value beyond the head": (lambda lab: lab.site(HOST).fault("rst_at", bytes=9_999), BadParameter, "bytes "),
    "a value of Python": (
        lambda lab: lab.site(HOST).fault("rst_at", bytes={1}),  # type: ignore[arg-type]
        BadParameter,
        "cannot be sent as JSON",
    ),
    "a criterion": (lambda lab: lab.site(HOST).verify(verb="GET"), BadParameter, "verb is unknown: there are host, "),  # type: ignore[call-arg]
    "a filter": (lambda lab: lab.site(HOST).journal(verb="GET"), BadParameter, "verb is unknown: there are host, "),  # type: ignore[call-arg]
    "another host": (lambda lab: lab.site(HOST).verify(host="x.test"), BadParameter, "host is no criterion of a site"),  # type: ignore[call-arg]
    "another host in an order": (
        lambda lab: lab.site(HOST).verify(order=[{"host": "www.sohu.com"}]),  # type: ignore[list-item]
        BadParameter,
        "host is no criterion of a site",
    ),
    "another host in the journal": (lambda lab: lab.site(HOST).journal(host="x"), BadParameter, "host is no criterion"),  # type: ignore[call-arg]
    "a beginning": (lambda lab: lab.site(HOST).journal(since=7), BadParameter, "since is no criterion of a site"),  # type: ignore[call-arg]
    "an order that is a text": (lambda lab: lab.site(HOST).verify(order="/a"), BadParameter, "is not a list"),
    "a step that is a number": (
        lambda lab: lab.site(HOST).verify(order=[5]),  # type: ignore[list-item]
        BadParameter,
        "order has 5",
    ),
    "a number for a fault": (
        lambda lab: lab.site(HOST).plan([5]),  # type: ignore[list-item]
        BadParameter,
        "5 is not a fault",
    ),
    "a host that is a number": (lambda lab: lab.site(5), BadParameter, "host 5 is not text"),  # type: ignore[arg-type]
    "a play of a number": (lambda lab: lab.play(5, OK), BadParameter, "host 5 is not text"),  # type: ignore[arg-type]
    "a long label": (lambda lab: lab.play(f"{'a' * 64}.example", OK), BadParameter, "63 between two dots"),
    "a name in another alphabet": (
        lambda lab: lab.play("bücher.example", OK),
        BadParameter,
        "'bücher.example' is not a host name: clients ask for 'xn--bcher-kva.example'",
    ),
    "a site in another alphabet": (
        lambda lab: lab.site("bücher.example"),
        UnknownHost,
        "lab.play[(]'xn--bcher-kva.example', response[)] adds a host",
    ),
    "a method in small letters": (
        lambda lab: lab.play("a.example", OK, method="get"),
        BadParameter,
        "method 'get' is never sent: methods have case, write 'GET'",
    ),
    "a path in another alphabet": (
        lambda lab: lab.play("a.example", OK, path="/é"),
        BadParameter,
        "path '/é' is never sent: clients percent-encode it, write '/%C3%A9'",
    ),
    "a query of numbers": (
        lambda lab: lab.play("a.example", OK, query={"page": 2}),  # type: ignore[dict-item]
        BadParameter,
        "query.'page'. 2 is not text",
    ),
    "fields of a list": (
        lambda lab: lab.play("a.example", OK, fields=[("a", "b")]),  # type: ignore[arg-type]
        BadParameter,
        "fields .* is not a dict",
    ),
    "an option": (
        lambda lab: lab.play("a.example", OK, field={"a": "b"}),  # type: ignore[call-arg]
        BadParameter,
        "field is unknown: a play has method, path, query, fields, times",
    ),
    "a name of a fault for a plan": (lambda lab: lab.site(HOST).plan("drip"), BadParameter, "is not a list of faults"),
    "a fault that is a number": (
        lambda lab: lab.site(HOST).fault(5),  # type: ignore[arg-type]
        BadParameter,
        "fault 5 is not text",
    ),
    "a count of text": (
        lambda lab: lab.site(HOST).verify(count="2"),  # type: ignore[arg-type]
        BadParameter,
        "count '2' is not a whole number",
    ),
    "a bound that is true": (lambda lab: lab.site(HOST).verify(at_once=True), BadParameter, "at_once True is not"),
    "a deadline of text": (
        lambda lab: lab.site(HOST).verify(timeout_s="2"),  # type: ignore[arg-type]
        BadParameter,
        "timeout_s '2' is not a number of seconds",
    ),
    "a limit of text": (
        lambda lab: lab.site(HOST).journal(limit="2"),  # type: ignore[arg-type]
        BadParameter,
        "limit '2' is not a whole number",
    ),
    "a url that is a number": (lambda _lab: Lab.join(5), BadParameter, "url 5 is not text"),  # type: ignore[arg-type]
    "a port of text": (lambda _lab: Lab(port="80"), BadParameter, "port '80' is not a whole number"),  # type: ignore[arg-type]
    "a time of text": (
        lambda _lab: Lab(timeout_s="1"),  # type: ignore[arg-type]
        BadParameter,
        "timeout_s '1' is not a number of seconds",
    ),
    "an address": (lambda lab: lab.play("127.0.0.1", OK), BadParameter, "127.0.0.1: host is an address, or a name"),
    "localhost": (lambda lab: lab.play("localhost", OK), BadParameter, "localhost: host is an address, or a name"),
    "a name of the lab's own": (
        lambda lab: lab.play("hello", OK),
        BadParameter,
        "hello: host is an address, or a name",
    ),
    "two bounds": (
        lambda lab: lab.site(HOST).verify(count=1, at_most=2),
        BadParameter,
        "leave out at_least and at_most",
    ),
    "no head": (lambda lab: lab.play("a.example", b"nonsense"), NoHead, "a.example: response has no status line"),
    "half a head": (lambda lab: lab.play("a.example", b"HTTP/1.1 200 OK\r\nA: b\r\n"), NoHead, "response "),
    "text": (lambda lab: lab.play("a.example", "HTTP/1.1 200 OK"), NoHead, "is bytes and not str"),  # type: ignore[arg-type]
    "too much": (lambda lab: lab.play("a.example", OK + bytes(MAX_BYTES)), BadParameter, "8,388,608 is the limit"),
    "no name": (lambda lab: lab.play("a\r\nb", OK), BadParameter, "is not a host name"),
    "a path": (lambda lab: lab.play("a.example", OK, path="v1"), BadParameter, "path 'v1' is not a path"),
    "no times": (
        lambda lab: lab.play("a.example", OK, times=0),
        BadParameter,
        "times 0 is not a whole number, 1 or more",
    ),
    "the same match": (
        lambda lab: [lab.play("a.example", OK, path="/x") for _ in range(2)],
        PlayConflict,
        "neither has `times`",
    ),
    "a play that is gone": (remove_twice, Refused, "is not a play of"),
}


@pytest.mark.parametrize(("use", "kind", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(
    lab: Lab, use: Use, kind: type[LabError], text: str
) -> None:
    """Each class of error is that of the contract."""
    with pytest.raises(LabError, match=text) as caught:
        use(lab)
    assert type(caught.value) is kind
    assert str(caught.value).isprintable()
    assert lab.site(HOST).faults() == []
    assert lab.hosts == [HOST, "www.sina.com.cn", "www.sohu.com"] or kind is PlayConflict


CRITERIA: Mapping[str, tuple[object, object, str]] = {
    "method": ("GET", "get", "method 'get' is never sent: methods have case, write 'GET'"),
    "target": ("/a", "/é", "target '/é' is never sent: clients percent-encode it, write '/%C3%A9'"),
    "fields": ({"host": HOST, "cookie": None}, {"host": 1}, r"fields\['host'\] 1 is not text"),
    "head_contains": ("GET /a", b"GET", "head_contains b'GET' is not text"),
    "body_contains": ("body", 5, "body_contains 5 is not text"),
    "body_bytes": (4, "4", "body_bytes '4' is not a whole number"),
    "body_sha256": (hashlib.sha256(b"body").hexdigest(), b"", "body_sha256 b'' is not text"),
    "status": (302, "302", "status '302' is not a whole number"),
    "response": (f"{HOST}.http", 1, "response 1 is not text"),
    "fault": (None, 1, "fault 1 is not text"),
    "generation": (None, "1", "generation '1' is not a whole number"),
    "ended": ("fin", True, "ended True is not text"),
    "connection": (None, 1.0, "connection 1.0 is not a whole number"),
    "exchange": (1, "1", "exchange '1' is not a whole number"),
    "peer": (None, 1, "peer 1 is not text"),
    "tls": (False, "false", "tls 'false' is not True or False"),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_has_one_rule_wherever_it_is_given(lab: Lab, site: Site, name: str) -> None:
    """In the journal of a site and of the lab, in `verify` and in a step of its order: taken by all, or by none."""
    right, wrong, text = CRITERIA[name]
    fetch(site.url, host=HOST, target="/a", body=b"body")
    found = site.journal(**{name: right})  # type: ignore[arg-type] # a table of cases has no types
    assert len(found) == (name not in {"connection", "peer"})
    assert lab.journal(**{name: right}) == found  # type: ignore[arg-type]
    site.verify(count=len(found), **{name: right})  # type: ignore[arg-type]
    uses: list[Callable[[], object]] = [
        lambda: site.journal(**{name: wrong}),  # type: ignore[arg-type]
        lambda: lab.journal(**{name: wrong}),  # type: ignore[arg-type]
        lambda: site.verify(count=0, **{name: wrong}),  # type: ignore[arg-type]
        lambda: site.verify(order=[{name: wrong}]),  # type: ignore[list-item]
    ]
    for use in uses:
        with pytest.raises(BadParameter, match=text):
            use()
    assert name in Criteria.__annotations__


def test_a_field_is_asked_for_by_any_name(site: Site) -> None:
    """Also one that no request can have."""
    fetch(site.url, host=HOST)
    assert [each.field(name) for each in site.journal() for name in ("HOST", "字")] == [HOST, None]


def test_every_criterion_has_its_case() -> None:
    """And every name that the lab has."""
    assert CRITERIA.keys() == Criteria.__annotations__.keys()
    assert {*CHECKS} == {*CRITERIA, "host", "since"} == {*LabCriteria.__annotations__}
    assert {*FILTERS} == {*CHECKS, "limit"}


def test_a_target_may_have_the_bytes_that_curl_sends(site: Site) -> None:
    """Some clients send UTF-8 as it is: the journal shows bytes as Latin-1."""
    raw = "/\u00c3\u00a9"
    play = site.play(OK, path=raw)
    assert fetch(site.url, host=HOST, target="/é") == OK
    site.verify(count=1, target=raw)
    assert play.match == {"path": raw}
