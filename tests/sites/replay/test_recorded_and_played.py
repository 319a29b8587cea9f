"""What can be recorded and what can be played: each response is recorded from a server, and then played by a site.

Either the recording is said to be unplayable when it is made, and the site says the same; or the site plays what came.
Where clients could disagree about the end, the site ends the connection, so that none of them waits.
"""

import asyncio
import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio.to_thread
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.client.record.command import record
from services.client.topology import Topology
from services.runtime.run import loop_factory
from services.sites.replay.directory import load_recording
from services.sites.replay.files import BadRecording
from services.sites.replay.sidecar import NOTHING_SAID
from tests.client.raw_servers import plain_server
from tests.client.record.test_record import options
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import sites, target_of

HOST = "a.example"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"

KEPT_OPEN = {
    "an empty 301 with its length": b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "an empty 303 with its length": b"HTTP/1.1 303 See Other\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "an empty 205 with its length": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "an empty 200 with its length": OK + b"Content-Length: 0\r\n\r\n",
    "a length": OK + b"Content-Length: 3\r\n\r\nabc",
    "a length without space": OK + b"content-length:3\r\n\r\nabc",
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "an empty body in chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an empty body under compress": OK + b"Content-Encoding: compress\r\nContent-Length: 0\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
}
ENDED = {
    "an empty 301": b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n",
    "an empty 303": b"HTTP/1.1 303 See Other\r\nLocation: /\r\n\r\n",
    "an empty 205": b"HTTP/1.1 205 Reset Content\r\n\r\n",
    "an empty 200": OK + b"\r\n",
    "no length": OK + b"\r\nabc",
    "a length of 0 twice": OK + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "the same length twice": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "the same length twice in one line": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length that is none": OK + b"Content-Length: none\r\n\r\n",
    "a length that is none, and a body": OK + b"Content-Length: none\r\n\r\nabc",
    "an empty length": OK + b"Content-Length:\r\n\r\nabc",
    "a length with a sign": OK + b"Content-Length: +3\r\n\r\nabc",
    "a length with zeros ahead": OK + b"Content-Length: 003\r\n\r\nabc",
    "a head that LF CR CR LF ends": b"HTTP/1.1 200 OK\r\nContent-Length: 3\n\r\r\nabc",
    "a head that CR LF CR CR LF ends": OK + b"Content-Length: 3\r\n\r\r\nabc",
    "an interim head that LF CR CR LF ends": b"HTTP/1.1 100 Continue\n\r\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
    "an empty body under compress, no length": OK + b"Content-Encoding: compress\r\n\r\n",
    "an empty body under gzip, br": OK + b"Content-Encoding: gzip, br\r\n\r\n",
    "an empty body under gzip": OK + b"Content-Encoding: gzip\r\n\r\n",
    "a length folded under another field": OK + b"X: a\r\n Content-Length: 3\r\n\r\nabc",
    "a length whose value is folded": OK + b"Content-Length:\r\n 3\r\n\r\nabc",
    "a folded line after the length": OK + b"Content-Length: 3\r\n\t\r\n\r\nabc",
    "a folded line ahead of all fields": OK + b" X: y\r\nContent-Length: 3\r\n\r\nabc",
    "a length with a space before its colon": OK + b"Content-Length : 3\r\n\r\nabc",
    "a length with a tab before its colon": OK + b"Content-Length\t: 3\r\n\r\nabc",
    "a length with VT before its colon": OK + b"Content-Length\x0b: 3\r\n\r\nabc",
    "a length with VT ahead of its name": OK + b"\x0bContent-Length: 3\r\n\r\nabc",
    "a length with NBSP before its colon": OK + b"Content-Length\xa0: 3\r\n\r\nabc",
    "a length with NBSP ahead of its name": OK + b"\xa0Content-Length: 3\r\n\r\nabc",
    "a length with VT ahead of its value": OK + b"Content-Length: \x0b3\r\n\r\nabc",
    "a length with NBSP after its value": OK + b"Content-Length: 3\xa0\r\n\r\nabc",
    "a length with NUL in its line": OK + b"Content-Length: 3\0\r\n\r\nabc",
    "a length behind a bare CR": OK + b"X: a\rContent-Length: 3\r\n\r\nabc",
    "a length behind a line without a colon": OK + b"what is this\r\nContent-Length: 3\r\n\r\nabc",
    "a length behind a name that is no token": OK + b"X-Caf\xe9: a\r\nContent-Length: 3\r\n\r\nabc",
    "a length and a control byte elsewhere": OK + b"X: a\x01\r\nContent-Length: 3\r\n\r\nabc",
    "a coding folded under another field": OK + b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a coding whose value is folded": OK + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "a coding with a space before its colon": OK + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
    "a coding with VT before its colon": OK + b"Transfer-Encoding\x0b: chunked\r\n\r\n" + CHUNKS,
    "a coding with VT ahead of its name": OK + b"\x0bTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a coding with NBSP before its colon": OK + b"Transfer-Encoding\xa0: chunked\r\n\r\n" + CHUNKS,
    "a coding with NBSP ahead of its name": OK + b"\xa0Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a coding with VT ahead of its value": OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "a coding with NBSP ahead of its value": OK + b"Transfer-Encoding: \xa0chunked\r\n\r\n" + CHUNKS,
    "a coding twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "a coding and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 13\r\n\r\n" + CHUNKS,
    "a coding in HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
    ),
    "a coding of a 304": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding of a 204": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length of a 204": b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "a status above 599": b"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
    "a version that is not known": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a reason with a control byte": b"HTTP/1.1 200 \x0bOK\r\nContent-Length: 0\r\n\r\n",
}
UNPLAYABLE = {
    "an odd status line": (b"HTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n", "has no status line at byte 0"),
    "an odd status line after a 100": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n",
        "has no status line at byte 25",
    ),
    "an odd 100": (b"HTTP/1.1 100Continue\r\n\r\n" + OK + b"\r\n", "has no status line at byte 0"),
    "empty lines ahead of it": (b"\r\n" + OK + b"Content-Length: 0\r\n\r\n", "has no status line at byte 0"),
}
HEADS_ALONE = {
    "a length that is none": (OK + b"Content-Length: none\r\n\r\n", "Content-Length 'none' is not one number"),
    "two lengths": (OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "Content-Length '3, 4' is not one number"),
    "an empty length": (OK + b"Content-Length:\r\n\r\n", "Content-Length '' is not one number"),
    "a length that is too large": (OK + b"Content-Length: 8388609\r\n\r\n", "is over the 8,388,608 bytes"),
    "compress": (OK + b"Content-Encoding: compress\r\n\r\n", "no body can be made for Content-Encoding 'compress'"),
    "gzip, br": (OK + b"Content-Encoding: gzip, br\r\n\r\n", "no body can be made for Content-Encoding 'gzip, br'"),
    "compress in chunks": (
        OK + b"Content-Encoding: compress\r\nTransfer-Encoding: chunked\r\n\r\n",
        "no body can be made for Content-Encoding 'compress'",
    ),
    "gzip that is too short": (
        OK + b"Content-Encoding: gzip\r\nContent-Length: 19\r\n\r\n",
        "no gzip body has 19 bytes",
    ),
    "zstd that is too short": (OK + b"Content-Encoding: zstd\r\nContent-Length: 8\r\n\r\n", "no zstd body has 8 bytes"),
    "deflate that is too short": (
        OK + b"Content-Encoding: deflate\r\nContent-Length: 7\r\n\r\n",
        "no deflate body has 7 bytes",
    ),
}


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[asyncio.Runner]:
    """Return a function that runs a coroutine on each loop; its output is captured in memory, which blocks nothing."""
    with asyncio.Runner(loop_factory=loop_factory(request.param)) as each:
        yield each


def record_from(runner: asyncio.Runner, output: Path | str, raw: bytes, *, head_only: bool = False) -> int:
    """Record what a server sends that then ends the connection; returns the exit code."""

    def serve(connected: socket.socket) -> None:
        connected.recv(65_536)
        connected.sendall(raw)

    with plain_server(serve) as address:
        topology = Topology({(HOST, 80): address}, closed=True)
        return runner.run(record(options(HOST, output, head_only=head_only, force=True), topology))


async def ask_twice(directory: Path, *, first_bytes: int) -> Heard:
    """Play a directory, and ask its host once more on a connection that is open after so many bytes."""
    async with sites({}, directory) as running:
        peer = (await target_of(running, HOST)).peer

        def ask() -> Heard:
            check_clients(peer)
            with peer.connect() as connection:
                connection.sendall(peer.get())
                first = listen(connection, first_bytes)
                if first.end != "open":
                    return first
                connection.sendall(peer.get(fields="Connection: close\r\n"))
                second = listen(connection, 1 << 62)
                return Heard(first.data + second.data, second.end)

        return await anyio.to_thread.run_sync(ask)


def check_clients(peer: Peer) -> None:
    """Let http.client and curl read an answer, with or without an error, but not for ever."""
    client = http.client.HTTPConnection(*peer.address, timeout=20)  # a TimeoutError is no HTTPException
    try:
        client.request("GET", "/", headers={"Host": peer.host})
        client.getresponse().read()
    except (http.client.HTTPException, ConnectionError, ValueError):
        pass
    finally:
        client.close()
    if curl := shutil.which("curl"):
        url = f"http://{peer.host}:{peer.address[1]}/"
        where = f"{peer.host}:{peer.address[1]}:{peer.address[0]}"
        words = (curl, "--silent", "--noproxy", "*", "--max-time", "20", "--resolve", where, url)
        assert subprocess.run(words, check=False, capture_output=True).returncode != 28  # its time was not over


@pytest.mark.parametrize("raw", KEPT_OPEN.values(), ids=KEPT_OPEN)
def test_what_came_is_played_and_the_connection_kept(
    tmp_path: Path, runner: asyncio.Runner, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where every client knows the end, the next answer comes on the same connection."""
    assert record_from(runner, tmp_path, raw) == 0
    assert "no site can play it" not in capsys.readouterr().err
    assert runner.run(ask_twice(tmp_path, first_bytes=len(raw))) == Heard(raw * 2, "fin")


@pytest.mark.parametrize("raw", ENDED.values(), ids=ENDED)
def test_what_came_is_played_and_in_doubt_the_connection_is_ended(
    tmp_path: Path, runner: asyncio.Runner, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that reads other framing would wait; the FIN tells it the end."""
    assert record_from(runner, tmp_path, raw) == 0
    assert "no site can play it" not in capsys.readouterr().err
    assert runner.run(ask_twice(tmp_path, first_bytes=len(raw) + 1)) == Heard(raw, "fin")


@pytest.mark.parametrize(("raw", "reason"), UNPLAYABLE.values(), ids=UNPLAYABLE)
def test_what_no_site_can_play_is_said_when_it_is_recorded(
    tmp_path: Path, runner: asyncio.Runner, raw: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept as it came, and the site gives the same reason."""
    assert record_from(runner, tmp_path, raw) == 0
    check_refused(tmp_path, raw, reason, capsys.readouterr().err)


@pytest.mark.parametrize(("raw", "reason"), HEADS_ALONE.values(), ids=HEADS_ALONE)
def test_a_head_that_no_body_can_be_made_for_is_said_when_it_is_recorded(
    tmp_path: Path, runner: asyncio.Runner, raw: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--head-only leaves the body to the site."""
    assert record_from(runner, tmp_path, raw + b"abc", head_only=True) == 0
    check_refused(tmp_path, raw, reason, capsys.readouterr().err)


def check_refused(directory: Path, raw: bytes, reason: str, said: str) -> None:
    """Hold the recorder's line and the site's reason against each other."""
    file = directory / f"{HOST}.http"
    assert file.read_bytes() == raw
    with pytest.raises(BadRecording) as refused:
        load_recording(file)
    assert f"no site can play it: {refused.value.reason}" in said
    assert reason in refused.value.reason


def test_an_empty_body_on_standard_output_needs_a_word(
    runner: asyncio.Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bytes alone cannot tell an empty body from none."""
    assert record_from(runner, "-", b"HTTP/1.1 301 Moved\r\n\r\n") == 0
    assert 'its body is empty: where no sidecar says body = "recorded", a site makes one' in capsys.readouterr().err


NAMES = st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Connection", b"X"])
VALUES = st.sampled_from(
    [b"", b"0", b"3", b"3, 3", b"none", b"chunked", b"gzip", b"gzip, br", b"compress", b"close", b"99999999999", b"a:b"]
)
AROUND = st.sampled_from([b"", b"", b"", b" ", b"\t", b"\x0b", b"\xa0", b"\r", b"\0", b"\r\n "])
LINES = st.builds(
    lambda *parts: b"".join(parts), AROUND, NAMES, AROUND, st.sampled_from([b":", b":", b": ", b""]), VALUES, AROUND
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r\r\n"])
FIRST_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 301",
        b"HTTP/1.0 205 ",
        b"HTTP/1.1 204 x",
        b"HTTP/1.1 304 x",
        b"HTTP/1.1 100 x",
        b"HTTP/1.1 103 x",
        b"HTTP/1.1 200OK",
        b"HTTP/2 200",
        b"ICY 200 OK",
        b"HTTP/1.1 099 x",
        b"HTTP/1.1 200 a\rb",
    ]
)
HEADS = st.builds(
    lambda first, end, lines, blank: first + end + b"".join(line + after for line, after in lines) + blank,
    FIRST_LINES,
    ENDS,
    st.lists(st.tuples(LINES, ENDS), max_size=3),
    ENDS,
)
BODIES = st.sampled_from([b"", b"abc", b"a\n\nb", CHUNKS, b"0\r\n\r\n", b"3\r\nab", b"\r\n\r\n"])
RESPONSES = st.builds(lambda heads, body: b"".join(heads) + body, st.lists(HEADS, min_size=1, max_size=2), BODIES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=RESPONSES, head_only=st.booleans())
def test_a_recording_without_a_warning_is_played_as_it_came(
    tmp_path: Path, runner: asyncio.Runner, capsys: pytest.CaptureFixture[str], raw: bytes, head_only: bool
) -> None:
    """For any response; and what the recorder calls unplayable, a site refuses."""
    code = record_from(runner, tmp_path, raw, head_only=head_only)
    said = capsys.readouterr().err
    if code != 0:
        return
    file = tmp_path / f"{HOST}.http"
    kept = file.read_bytes()
    assert raw.startswith(kept)
    if "no site can play it" in said:
        with pytest.raises(BadRecording):
            load_recording(file)
        return
    recording = load_recording(file)
    assert recording.sidecar != NOTHING_SAID
    assert recording.head + recording.body == kept if not head_only else recording.head == kept
