"""Recording from servers that speak bytes: which bytes are kept, which are refused, and the exit codes."""

import asyncio
import hashlib
import ssl
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from lab.embedded.program import embedded_lab
from lab.embedded.sites import LOOPBACK
from services.client.record.command import CannotAsk, record
from services.client.record.files import RecordingExists
from services.client.record.options import Options
from services.client.settings import TUTORIAL_HOSTS
from services.client.topology import Topology
from services.runtime.playable import BodySource
from services.sites.replay.directory import RecordingDirectory
from services.sites.replay.files import BadRecording
from services.sites.settings import SitesSettings
from tests.client.record import web

HOST = "a.example"
ODD_HEAD = b"HTTP/1.0 200\r\nx-B:1\nX-b:  2 \r\nX-Caf\xe9: \xff\r\nSet-Cookie: id=s3cret; Path=/\r\n\r\n"


def options(url: str, output: Path | str, **changes: Any) -> Options:
    """Return what `client record URL -o OUTPUT` asks for, with changes."""
    return web.options(output, [url], **changes)


@asynccontextmanager
async def answering(*pieces: bytes, then: str = "close", tls: ssl.SSLContext | None = None) -> AsyncIterator[Topology]:
    """Serve these bytes to every request; then `close`, or `stay` silent."""
    writers = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then == "close":
            writer.close()

    server = await asyncio.start_server(answer, *LOOPBACK, ssl=tls)
    address = server.sockets[0].getsockname()
    try:
        yield Topology({(HOST, 80): address, (HOST, 443): address, ("bücher.example", 80): address}, closed=True)
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


Record = Callable[..., int]


@pytest.fixture
def record_from(runner: asyncio.Runner) -> Record:
    """Return a function that records from a server that sends given bytes, and returns the exit code."""

    async def go(wanted: Options, pieces: Sequence[bytes], then: str, tls: ssl.SSLContext | None) -> int:
        async with answering(*pieces, then=then, tls=tls) as topology:
            return await record(wanted, topology)

    return lambda wanted, *pieces, then="close", tls=None: runner.run(go(wanted, pieces, then, tls))


def provenance(directory: Path, host: str = HOST) -> dict[str, Any]:
    """Return what a sidecar says."""
    table: dict[str, Any] = tomllib.loads((directory / f"{host}.toml").read_text())["provenance"]
    return table


def test_recording_a_lab_site_and_playing_it_gives_the_same_bytes(tmp_path: Path, runner: asyncio.Runner) -> None:
    """A site's bytes can be recorded, played, and recorded again."""
    first, second = tmp_path / "first", tmp_path / "second"

    async def record_all(played: SitesSettings, output: Path) -> None:
        async with embedded_lab(sites=played) as settings:
            for host in TUTORIAL_HOSTS:
                assert await record(options(host, output), settings.topology) == 0

    runner.run(record_all(SitesSettings(), first))
    runner.run(record_all(SitesSettings(directory=first), second))
    for host in TUTORIAL_HOSTS:
        raw = (first / f"{host}.http").read_bytes()
        assert raw == (second / f"{host}.http").read_bytes()
        assert raw.startswith((SitesSettings().directory / f"{host}.http").read_bytes())
        sums = {provenance(directory, host)["sha256"] for directory in (first, second)}
        assert sums == {hashlib.sha256(raw).hexdigest()}


def test_what_came_is_kept_to_the_byte(tmp_path: Path, record_from: Record) -> None:
    """Case, spaces, duplicates, a missing reason, bare LF, bytes that are no text; only secrets are masked."""
    assert record_from(options(f"http://{HOST}/?token=t0p&x=1", tmp_path), ODD_HEAD, b"body") == 0
    kept = ODD_HEAD.replace(b"s3cret", b"xxxxxx") + b"body"
    assert (tmp_path / f"{HOST}.http").read_bytes() == kept
    table = provenance(tmp_path)
    assert table["url"] == f"http://{HOST}/?token=xxx&x=1"
    assert table["request"][0] == "GET /?token=xxx&x=1 HTTP/1.1"
    assert (table["bytes"], table["head_bytes"], table["body_bytes"]) == (len(kept), len(ODD_HEAD), 4)
    assert (table["tls"], table["status"], table["body"]) == (False, 200, "close")
    assert table["address"].startswith("127.0.0.1:")
    assert table["masked"] == [{"field": "Set-Cookie", "bytes": 6}]


def test_a_directory_is_shown_without_control_characters(
    tmp_path: Path, record_from: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name may have any, and bytes that are not UTF-8."""
    directory = tmp_path / "a\x1b[31m\udcff"
    assert record_from(options(f"http://{HOST}/", directory), ODD_HEAD) == 0
    assert f"recorded {tmp_path}/a\\x1b[31m\\xff/{HOST}.http: status " in capsys.readouterr().err


def test_secrets_are_kept_when_asked_for_and_the_sidecar_says_so(tmp_path: Path, record_from: Record) -> None:
    """--keep-secrets is in the sidecar; secrets of the request are masked all the same."""
    wanted = options(HOST, tmp_path, keep_secrets=True, fields=["Authorization: Bearer mine"])
    assert record_from(wanted, ODD_HEAD) == 0
    assert (tmp_path / f"{HOST}.http").read_bytes() == ODD_HEAD
    table = provenance(tmp_path)
    assert table["secrets_kept"] == [{"field": "Set-Cookie", "bytes": 6}]
    assert "masked" not in table
    assert "Authorization: Bearer xxxx" in table["request"]


def test_a_chunked_body_stays_chunked_and_its_trailer_is_searched(tmp_path: Path, record_from: Record) -> None:
    """A trailer holds fields, and fields hold secrets. The server may keep the connection open."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"3\r\nabc\r\n0\r\nX-Auth-Token: 12345\r\n\r\n"
    assert record_from(options(HOST, tmp_path), head, body[:5], body[5:], b"HTTP/1.1 surplus", then="stay") == 0
    assert (tmp_path / f"{HOST}.http").read_bytes() == head + body.replace(b"12345", b"xxxxx")


def test_interim_heads_are_part_of_what_came(tmp_path: Path, record_from: Record) -> None:
    """A 103 is on the wire like any other head."""
    raw = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    assert record_from(options(HOST, tmp_path), raw, then="stay") == 0
    assert (tmp_path / f"{HOST}.http").read_bytes() == raw
    assert provenance(tmp_path)["status"] == 204


@pytest.mark.parametrize(
    "changes", [{"head_only": True}, {"max_body": 3}, {"max_body": 0}], ids=["head only", "too large", "nothing"]
)
@pytest.mark.parametrize(
    ("head", "body"),
    [(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"body"), (b"HTTP/1.1 200 OK\r\n\r\n", b"body")],
    ids=["length", "close"],
)
def test_a_body_that_is_not_wanted_or_too_large_is_left_out_whole(
    tmp_path: Path, record_from: Record, head: bytes, body: bytes, changes: dict[str, Any]
) -> None:
    """Never a part of it: the site then makes a body that fits the head."""
    assert record_from(options(HOST, tmp_path, **changes), head, body) == 0
    assert (tmp_path / f"{HOST}.http").read_bytes() == head
    assert provenance(tmp_path)["body"] == "not recorded"
    assert RecordingDirectory(tmp_path).load()[HOST].sidecar.body is BodySource.MADE


FAILURES: dict[str, tuple[list[bytes], str, int]] = {
    "silence": ([], "stay", 4),
    "closed at once": ([], "close", 4),
    "half a head": ([b"HTTP/1.1 200 OK\r\nX"], "close", 4),
    "not HTTP": ([b"SSH-2.0-x\r\n"], "stay", 4),
    "a head without end": ([b"HTTP/1.1 200 OK\r\n", *[b"X: %b\r\n" % (b"x" * 60_000)] * 6], "stay", 4),
    "nothing of a body": ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], "close", 1),
    "half a body, and silence": ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "stay", 1),
    "a body that never ends": ([b"HTTP/1.1 200 OK\r\n\r\nhalf"], "stay", 1),
}


@pytest.mark.parametrize(("pieces", "then", "code"), FAILURES.values(), ids=FAILURES)
def test_an_incomplete_response_is_not_recorded(
    tmp_path: Path, record_from: Record, pieces: list[bytes], then: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why; 4 if there was no head, 1 if there was."""
    assert record_from(options(HOST, tmp_path, timeout_s=2.0 if then == "stay" else 20), *pieces, then=then) == code
    assert list(tmp_path.iterdir()) == []
    assert len(capsys.readouterr().err.splitlines()) == 1


FIRST_LINES = ("HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/2 200 OK", "ICY 200 OK", "HTTP/1.1 200OK")


@pytest.mark.parametrize("line", FIRST_LINES)
def test_a_response_that_no_site_can_play_is_recorded_with_a_warning(
    tmp_path: Path, record_from: Record, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept as it came; without the warning, the error would come at the next start of the lab."""
    assert record_from(options(HOST, tmp_path), f"{line}\r\nContent-Length: 0\r\n\r\n".encode()) == 0
    said = "no site can play it" in capsys.readouterr().err
    try:
        RecordingDirectory(tmp_path).load()
    except BadRecording:
        assert said
    else:
        assert not said


CUT = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "after 4 of 9 bytes"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", "after 7 bytes"),
}


@pytest.mark.parametrize(("raw", "how_far"), CUT.values(), ids=CUT)
def test_a_body_that_the_peer_cuts_short_is_kept_as_it_came(
    tmp_path: Path,
    runner: asyncio.Runner,
    record_from: Record,
    raw: bytes,
    how_far: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit code and the sidecar say so; a site that plays it cuts it short too, so that the circle closes."""
    first, second = tmp_path / "first", tmp_path / "second"

    async def record_again() -> int:
        async with embedded_lab(sites=SitesSettings(directory=first)) as settings:
            return await record(options(HOST, second), settings.topology)

    assert record_from(options(HOST, first), raw) == 1
    assert f"the peer closed {how_far} of the body" in capsys.readouterr().err
    assert runner.run(record_again()) == 1
    for directory in (first, second):
        assert (directory / f"{HOST}.http").read_bytes() == raw
        assert provenance(directory)["cut_short"] is True


def test_a_name_that_does_not_exist_is_nothing_answered(tmp_path: Path, runner: asyncio.Runner) -> None:
    """The name is looked up where the lab is, and nowhere else."""
    assert runner.run(record(options("b.example", tmp_path), Topology({}, closed=True))) == 4


def test_nothing_is_asked_if_a_recording_is_there(tmp_path: Path, runner: asyncio.Runner) -> None:
    """The closed topology would refuse a request; none is made."""
    (tmp_path / f"{HOST}.http").touch()
    with pytest.raises(RecordingExists):
        runner.run(record(options(HOST, tmp_path), Topology({}, closed=True)))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "a b", "a\nb", "-", "é/x", "a" * 64])
def test_a_name_never_leaves_the_directory(tmp_path: Path, runner: asyncio.Runner, name: str) -> None:
    """The name of a recording must be a host name."""
    with pytest.raises(CannotAsk):
        runner.run(record(options(HOST, tmp_path, name=name), Topology({}, closed=True)))


def test_another_name_is_what_it_is_recorded_under(tmp_path: Path, record_from: Record) -> None:
    """Two pages of one host can be two sites of the lab. A name in another alphabet is what clients ask for."""
    assert record_from(options(HOST, tmp_path, name="B.Example"), ODD_HEAD) == 0
    assert (tmp_path / "b.example.http").exists()
    assert record_from(options(HOST, tmp_path, name="bücher.example"), ODD_HEAD) == 0
    assert (tmp_path / "xn--bcher-kva.example.http").exists()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority."""
    return trustme.CA()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return what a server of these names shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("names", "changes", "code"),
    [
        ([HOST], {"ca": "ca.pem"}, 0),
        ([HOST], {}, 4),
        (["b.example"], {"ca": "ca.pem"}, 4),
        (["b.example"], {"insecure": True}, 0),
    ],
    ids=["trusted", "not trusted", "wrong name", "insecure"],
)
def test_certificates_are_verified_unless_told_otherwise(
    tmp_path: Path, record_from: Record, authority: trustme.CA, names: list[str], changes: dict[str, Any], code: int
) -> None:
    """The sidecar says whether they were."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    if "ca" in changes:
        changes = {"ca": str(tmp_path / "ca.pem")}
    kept = tmp_path / "kept"
    assert (
        record_from(options(f"https://{HOST}/", kept, **changes), ODD_HEAD, tls=server_context(authority, *names))
        == code
    )
    if code == 0:
        tls = provenance(kept)["tls"]
        assert tls["version"].startswith("TLSv1.")
        assert tls["cipher"]
        assert tls["verified"] == ("ca" in changes)
        assert len(tls["certificate_sha256"]) == 64


def test_https_of_a_server_without_it_is_a_tls_error(
    tmp_path: Path, runner: asyncio.Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names TLS."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ODD_HEAD)
        writer.close()

    async def go() -> int:
        async with await asyncio.start_server(answer, *LOOPBACK) as server:
            topology = Topology({(HOST, 443): server.sockets[0].getsockname()}, closed=True)
            return await record(options(f"https://{HOST}/", tmp_path), topology)

    assert runner.run(go()) == 4
    assert ": tls: " in capsys.readouterr().err
