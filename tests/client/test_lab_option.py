"""`client --lab URL`: commands from outside, against a lab that is direct and against one behind its gateway."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from lab.embedded.gateway import EmbeddedDirectory
from lab.embedded.sites import LOOPBACK, embedded_sites
from services.client.cli import main, understand
from services.client.network import standing_lab
from services.client.network.standing_lab import (
    LabUnreachable,
    LabUrl,
    NotALab,
    joined_lab,
    parse_lab,
    parse_lab_url,
    read_lab,
    run_in_lab,
    without_forwarder,
)
from services.client.settings import ClientSettings
from services.client.topology import Route
from services.gateway.proxy.directory import SiteUrls
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.errors import BadSetting
from services.runtime.run import Stop
from services.runtime.serving.serve import serve_app
from services.sites.settings import SitesSettings
from services.sites.tls.authority import CA_FILE
from tests.client.peers import sends, serving

FIELDS = ("http_version", "status", "reason", "headers", "error", "detail", "url", "anomalies")


class DirectoryOfNames(EmbeddedDirectory):
    """The directory of a lab in containers, as clients see it: names, which the gateway alone reaches."""

    is_direct = False

    @property
    def hello_url(self) -> str:
        return "http://hello:8000"

    def urls(self) -> dict[str, SiteUrls]:
        return {host: SiteUrls(f"http://{host}", f"https://{host}", f"http://{host}:8081") for host in super().urls()}


@asynccontextmanager
async def standing(kind: type[EmbeddedDirectory]) -> AsyncIterator[str]:
    """Run a lab, and yield its gateway's URL."""
    async with (
        embedded_sites(SitesSettings(drain_s=0)) as running,
        serve_app(make_app(HelloSettings(delay_s=0)), LOOPBACK, drain_s=0) as hello,
        proxy_served(
            ProxySettings(LOOPBACK, drain_s=0),
            kind(running, hello),
            ca=running.site.settings.ca / CA_FILE if running.site.settings.ca else None,
        ) as gateway,
    ):
        yield gateway.address.url


async def run(url: str, words: Sequence[str]) -> int:
    """Run a command line of the client in the lab at a URL, and return its exit code."""
    invocation = await anyio.to_thread.run_sync(
        partial(understand, ["--lab", url, *words], default_loop="asyncio", joins=True)
    )
    assert invocation.lab == url
    wants_ca = invocation.values.get("ca") == "lab"
    return await run_in_lab(parse_lab_url("--lab", url), invocation.main, ClientSettings(), Stop(), with_ca=wants_ca)


@pytest.fixture(params=[EmbeddedDirectory, DirectoryOfNames], ids=["direct", "through the gateway"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Return the URL of a lab that stands."""
    async with standing(request.param) as found:
        yield found


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("wget --edition await www.163.com", 0, "www.163.com header > Server: Cdn Cache Server V2.0"),
        ("wget --edition await --timeout 5 nosuch.test", 4, ""),
        ("hello --users 3", 0, "answered                                 3"),
        ("faults list www.sohu.com", 0, "www.sohu.com: plan"),
        ("faults kinds www.sohu.com", 0, "rst_at"),
        ("faults set www.sohu.com rst_at --bytes 40", 0, "rst_at"),
        ("faults list nosuch.test", 4, ""),
        ("journal www.sohu.com", 0, ""),
        ("journal --all", 0, ""),
        ("journal --all --clear", 0, ""),
        ("record http://www.163.com/ --head-only -o -", 0, "HTTP/1.0 302"),
        ("pipeline -n 1", 0, None),
    ],
)
async def test_every_command_reaches_a_lab_that_stands(
    url: str, words: str, code: int, expected: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does what it does in the lab itself."""
    if expected is None:
        with pytest.raises(SystemExit):
            await run(url, words.split())
        return
    assert await run(url, words.split()) == code
    assert expected in capsys.readouterr().out


TARGETS = ("www.163.com", "https://www.sohu.com/", "http://www.sina.com.cn:8080/", "nosuch.test", "192.0.2.1")
FAULTS = (
    "rst_at --bytes 40",
    "fin_at --bytes 40",
    "refuse",
    "rst_at --bytes 0",
)


async def records(url: str, output: Path, words: Sequence[str]) -> list[dict[str, object]]:
    """Return what a survey writes, in the order of its targets."""
    file = output / "records.jsonl"
    await run(url, ["wget", "--format", "jsonl", "-q", "--force", "-o", str(file), "--ca", "lab", *words])
    lines = await anyio.to_thread.run_sync(file.read_text)
    found = sorted((json.loads(line) for line in lines.splitlines()), key=lambda record: int(record["line"]))
    return [{name: record[name] for name in FIELDS} for record in found]


@pytest.mark.anyio
async def test_a_survey_through_the_gateway_has_the_records_of_a_direct_one(tmp_path: Path) -> None:
    """Every byte, refusal and reset is the site's."""
    found = []
    for kind in (EmbeddedDirectory, DirectoryOfNames):
        async with standing(kind) as url:
            of_kind = [await records(url, tmp_path, TARGETS)]
            for fault in FAULTS:
                await run(url, ["faults", "set", "www.163.com", *fault.split()])
                of_kind.append(await records(url, tmp_path, ["www.163.com", "https://www.163.com"]))
            found.append(of_kind)
    direct, tunnelled = found
    for each in (*direct, *tunnelled):
        for record in each:
            if record["error"] == "refused":
                record["detail"] = ""  # the gateway says it in other words
    assert tunnelled == direct
    assert [each["error"] for each in direct[0]] == [None, None, "refused", "dns", "unreachable"]
    assert [[each["error"] for each in each_fault] for each_fault in direct[1:]] == [
        ["reset"] * 2,
        ["truncated_head"] * 2,
        ["refused"] * 2,
        ["reset"] * 2,
    ]


@pytest.mark.anyio
async def test_a_survey_of_several_processes_goes_through_the_gateway(tmp_path: Path) -> None:
    """Each of them asks it for its tunnels."""
    async with standing(DirectoryOfNames) as url:
        found = await records(url, tmp_path, ["--processes", "2", *["www.163.com"] * 8])
    assert [each["status"] for each in found] == [302] * 8


def page(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "it does not answer in HTTP"),
        (b"220 smtp ready\r\n", "it does not answer in HTTP"),
        (page("404 Not Found", b"no"), "its /lab has status 404"),
        (page("200 OK", b"<html>"), "its /lab does not say where the sites are"),
        (page("200 OK", b"[" * 100_000), "its /lab does not say where the sites are"),
        (page("200 OK", b'{"v": 2}'), "it is of another version"),
        (page("200 OK", b'{"v": 1}'), "its /lab does not say where the sites are"),
        (
            page("200 OK", b'{"v": 1, "direct": true, "hello": "", "sites": {"a.test": {"http": "http://a.test:1"}}}'),
            "its /lab does not say where the sites are",
        ),
        (
            page("200 OK", b'{"v": 1, "direct": false, "hello": "http://hello:8000", "sites": {"a test": {}}}'),
            "its /lab does not say where the sites are",
        ),
    ],
)
async def test_what_is_no_lab_is_one_line(answer: bytes, reason: str) -> None:
    """It says why, and what to give instead."""
    async with serving(lab=sends(answer)) as topology:
        host, port = topology.routes["lab", 80]
        with pytest.raises(NotALab) as refused:
            await run(f"http://{host}:{port}", ["wget", "www.163.com"])
    assert reason in str(refused.value)
    assert refused.value.exit_code == 4
    assert "\n" not in str(refused.value)


@pytest.mark.anyio
async def test_another_program_of_this_machine_is_not_reached(url: str, tmp_path: Path) -> None:
    """By no address of loopback: a mistyped target ends in the lab. A host's own address there is one of the lab's."""
    came: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(1))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(other=peer) as topology:
        _, port = topology.routes["other", 80]
        targets = [f"127.0.0.1:{port}", f"http://127.0.0.2:{port}/", f"[::1]:{port}", f"localhost:{port}"]
        found = await records(url, tmp_path, targets)
    assert [each["error"] for each in found] == ["unreachable", "unreachable", "unreachable", "dns"]
    assert found[0]["detail"] == "nothing but the lab can be reached from within it"
    assert came == []


@pytest.mark.anyio
async def test_a_hosts_own_address_is_one_of_the_lab(tmp_path: Path) -> None:
    """As `lab serve` prints it."""
    async with standing(EmbeddedDirectory) as url:
        (host, port), *_rest = (await read_lab(parse_lab_url("--lab", url), with_ca=False))[0].routes.values()
        (found,) = await records(url, tmp_path, [f"http://{host}:{port}/"])
    assert (found["error"], found["http_version"] is not None) == (None, True)


@pytest.mark.anyio
async def test_a_lab_that_is_gone_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4."""
    async with standing(EmbeddedDirectory) as url:
        pass
    with pytest.raises(LabUnreachable) as refused:
        await run(url, ["wget", "www.163.com"])
    assert "(refused)" in str(refused.value)
    assert refused.value.exit_code == 4


@pytest.mark.anyio
async def test_what_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a deadline of its own."""
    monkeypatch.setattr(standing_lab, "TIMEOUT_S", 0.1)
    async with serving(lab=sends(b"HTTP/1.1 200 OK\r\n", then_hang=True)) as topology:
        host, port = topology.routes["lab", 80]
        with pytest.raises(LabUnreachable, match=r"no answer within 0\.1 s"):
            await run(f"http://{host}:{port}", ["wget", "www.163.com"])


@pytest.mark.anyio
async def test_a_stop_ends_the_joining() -> None:
    """Exit code 130, and the command does not begin."""
    stop = Stop()

    async def peer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        stop.ask(signal.SIGINT)
        await reader.read()

    async def never(_settings: ClientSettings, _stop: Stop) -> int:
        raise AssertionError

    async with serving(lab=peer) as topology:
        host, port = topology.routes["lab", 80]
        url = parse_lab_url("--lab", f"http://{host}:{port}")
        assert await run_in_lab(url, never, ClientSettings(), stop, with_ca=False) == 130


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [EmbeddedDirectory, DirectoryOfNames], ids=["direct", "through the gateway"])
async def test_a_lab_that_goes_in_the_middle_is_one_line_for_each_command(
    kind: type[EmbeddedDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4: nothing answered."""
    async with standing(kind) as url:
        invocations = [
            await anyio.to_thread.run_sync(partial(understand, words.split(), default_loop="asyncio"))
            for words in (
                "faults list www.163.com",
                "journal www.163.com",
                "hello --users 1",
                "wget --edition await www.163.com",
            )
        ]
        joined = AsyncExitStack()
        settings = await joined.enter_async_context(
            joined_lab(parse_lab_url("--lab", url), ClientSettings(), Stop(), with_ca=False)
        )
        assert settings
    async with joined:
        for invocation in invocations:
            capsys.readouterr()
            assert await invocation.main(settings, Stop()) == 4
            assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.anyio
async def test_a_gateway_that_has_gone_is_not_taken_for_the_site(tmp_path: Path) -> None:
    """A site that refuses is `refused`; a gateway that does is not."""
    async with standing(DirectoryOfNames) as url:
        joined = AsyncExitStack()
        settings = await joined.enter_async_context(
            joined_lab(parse_lab_url("--lab", url), ClientSettings(), Stop(), with_ca=False)
        )
        assert settings
    file = tmp_path / "records.jsonl"
    words = ["wget", "--format", "jsonl", "-q", "-o", str(file), "www.163.com"]
    async with joined:
        invocation = await anyio.to_thread.run_sync(partial(understand, words, default_loop="asyncio"))
        assert await invocation.main(settings, Stop()) == 4
    record = json.loads(await anyio.to_thread.run_sync(file.read_text))
    assert (record["error"], "the lab's gateway does not answer" in record["detail"]) == ("unreachable", True)


SITES = '"hello": "http://hello:8000", "sites": {}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("gateway", "own", "identity", "goes_on"),
    [
        pytest.param("127.0.0.1", "172.20.0.2", "a1", True, id="the same gateway"),
        pytest.param("127.0.0.1", "172.20.0.2", "b2", False, id="another gateway"),
        pytest.param("127.0.0.1", "172.20.0.3", "a1", False, id="no answer"),
        pytest.param("127.0.0.1", "127.0.0.1", "a1", False, id="loopback"),
        pytest.param("192.0.2.9", "172.20.0.2", "a1", False, id="a lab of another machine"),
    ],
)
async def test_the_client_goes_on_at_the_own_address_of_the_same_gateway(
    monkeypatch: pytest.MonkeyPatch, gateway: str, own: str, identity: str, *, goes_on: bool
) -> None:
    """Docker's proxy before the published port makes a FIN of a RST."""

    async def get(_url: LabUrl, at: Route, _path: str) -> bytes:
        if at != ("172.20.0.2", 3128):
            raise ConnectionRefusedError
        said = f'"address": "http://172.20.0.2:3128", "identity": "{identity}"'
        return f'{{"v": 1, "direct": false, {said}, {SITES}}}'.encode()

    monkeypatch.setattr(standing_lab, "get", get)
    monkeypatch.setattr("sys.platform", "linux")
    url = parse_lab_url("--lab", f"http://{gateway}:3128")
    said = f'{{"v": 1, "direct": false, "address": "http://{own}:3128", "identity": "a1", {SITES}}}'
    lab = parse_lab(url, (gateway, 3128), said.encode())
    found = await without_forwarder(lab)
    assert (found.gateway == (own, 3128) if found else False) is goes_on
    monkeypatch.setattr("sys.platform", "darwin")
    assert await without_forwarder(lab) is None


@pytest.mark.parametrize(
    "text", ["ftp://127.0.0.1:1", "127.0.0.1:3128", "http://127.0.0.1:3128/lab", "http://a:99999", "x"]
)
def test_what_is_no_url_of_a_gateway_is_refused(text: str) -> None:
    """One line, which names the option or the variable."""
    with pytest.raises(BadSetting, match="ASYNCLAB_URL="):
        parse_lab_url("ASYNCLAB_URL", text)


@pytest.mark.parametrize("words", [["parse", "--lab", "http://a"], ["pipeline", "--lab", "http://a"], ["--lab="]])
def test_a_command_that_needs_no_lab_has_no_such_option(words: list[str]) -> None:
    """And an empty value comes of a shell variable that is not set."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_environment_names_a_lab_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """For a whole shell; a command that needs no lab does not look for it."""
    monkeypatch.setenv("ASYNCLAB_URL", "http://127.0.0.1:1")
    assert main(["wget", "-q", "www.163.com"]) == 4
    assert capsys.readouterr().err == (
        "client: no lab answers at http://127.0.0.1:1 (refused): "
        "start one with `lab serve`, or correct --lab, ASYNCLAB_URL\n"
    )
    assert main(["pipeline", "-n", "1"]) == 0
    assert os.environ["ASYNCLAB_URL"]
