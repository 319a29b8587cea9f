"""The end of a recorded body over TLS, for any size of body and any ending of the connection."""

import asyncio
import hashlib
import random
import ssl
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from services.client.record.command import record
from services.client.topology import Topology
from services.runtime.run import loop_factory
from tests.client.raw_servers import Connection, Ending, server_context, tls_server
from tests.client.record.test_record import HOST, options

SIZES = [0, 1, 16_384, 65_537, 4_000_000, 8_000_000]
FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "length": lambda body: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
    "chunked": lambda body: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces(body))
        + b"0\r\n\r\n"
    ),
    "close": lambda body: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
}
CODES: dict[tuple[str, Ending], int] = {("close", "fin"): 1, ("close", "rst"): 1}
"""Where it is not 0: only the end of the stream ends such a body, and this end is none (RFC 9112, section 9.8)."""


def pieces(body: bytes) -> list[bytes]:
    """Cut a body into chunks."""
    return [body[start : start + 30_000] for start in range(0, len(body), 30_000)]


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """Return the context of a server."""
    return server_context(HOST)


def record_from(
    directory: Path, context: ssl.SSLContext, loop: str, raw: bytes, ending: Ending, *, version: str = "TLSv1_3"
) -> int:
    """Record these bytes, sent to one request and ended so; returns the exit code."""
    context.maximum_version = ssl.TLSVersion[version]

    def serve(connection: Connection) -> None:
        connection.handshake()
        connection.read()
        connection.send(raw)
        connection.end(ending)

    with tls_server(context, serve) as address, asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        topology = Topology({(HOST, 443): address}, closed=True)
        return runner.run(record(options(f"https://{HOST}/", directory, insecure=True, max_body=8_100_000), topology))


def sha256(data: bytes) -> str:
    """Return what bodies are compared by: a difference of megabytes cannot be read."""
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("ending", ["close_notify", "fin", "rst"])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", SIZES)
def test_no_byte_of_a_body_is_lost_and_an_end_that_is_none_is_said(
    tmp_path: Path,
    context: ssl.SSLContext,
    size: int,
    framing: str,
    ending: Ending,
    loop: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A body with framing needs no close_notify; one that ends with the stream is complete only with it."""
    raw = FRAMINGS[framing](random.Random(size).randbytes(size))
    code = record_from(tmp_path, context, loop, raw, ending)
    said = capsys.readouterr().err
    assert code == CODES.get((framing, ending), 0), said
    assert ("close_notify" in said) == ((framing, ending) == ("close", "fin"))
    if (framing, ending) == ("close", "rst"):
        assert f"record https://{HOST}/: within the body: Connection reset by peer" in said
        assert list(tmp_path.iterdir()) == []
        return
    assert sha256((tmp_path / f"{HOST}.http").read_bytes()) == sha256(raw)
    table = tomllib.loads((tmp_path / f"{HOST}.toml").read_text())["provenance"]
    assert table["sha256"] == sha256(raw)
    assert table.get("cut_short", False) == bool(code)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("ending", ["close_notify", "fin"])
@pytest.mark.parametrize("lacks", [1, 3_000_000])
def test_a_body_that_is_shorter_than_it_says_is_kept_as_it_came(
    tmp_path: Path, context: ssl.SSLContext, lacks: int, ending: Ending, version: str, loop: str
) -> None:
    """A close_notify does not make it whole."""
    raw = FRAMINGS["length"](random.Random(lacks).randbytes(4_000_000))[:-lacks]
    assert record_from(tmp_path, context, loop, raw, ending, version=version) == 1
    assert sha256((tmp_path / f"{HOST}.http").read_bytes()) == sha256(raw)
