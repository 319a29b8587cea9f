"""Limits of an aiohttp application: its connections share one memory pool, and each state has a time limit."""

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import cast

import pytest
from aiohttp import web

from services.runtime.http import Address
from services.runtime.serving import connection_limits as limits
from services.runtime.serving import deadlines, limited_handler, limited_protocol
from services.runtime.serving.connection_limits import CONNECTION_BYTES, FREE_BYTES, HEAD_COPIES, KIB, MAX_HEAD_BYTES
from services.runtime.serving.limited_handler import CODED
from services.runtime.serving.limited_protocol import LimitedConnections, LimitedProtocol
from services.runtime.serving.memory_pool import MemoryPool
from services.runtime.serving.serve import POOL, serve_app

pytestmark = pytest.mark.anyio

LOOPBACK = Address("127.0.0.1", 0)
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """An application that answers after `go_on` is set; it notes the requests."""

    def __init__(self, pool_bytes: int) -> None:
        self.pool = MemoryPool("connections", pool_bytes)
        self.asked: list[str] = []
        self.bodies: list[int] = []
        self.arrived, self.go_on = asyncio.Event(), asyncio.Event()
        self.address = LOOPBACK
        self.open: list[asyncio.StreamWriter] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Read the body, wait, and answer."""
        self.asked.append(request.path)
        self.arrived.set()
        if request.method == "POST":
            self.bodies.append(len(await request.read()))
        await self.go_on.wait()
        return web.Response(text=request.path)

    async def connect(self) -> Streams:
        """Return a connection."""
        reader, writer = await asyncio.open_connection(*self.address)
        self.open.append(writer)
        return reader, writer


@asynccontextmanager
async def served(pool_bytes: int = 1 << 20) -> AsyncIterator[Served]:
    """Serve it on loopback."""
    app_state = Served(pool_bytes)
    app = web.Application()
    app[POOL] = app_state.pool
    app.router.add_route("*", "/{path:.*}", app_state.answer)
    async with serve_app(app, LOOPBACK, drain_s=0.1) as address:
        app_state.address = address
        try:
            yield app_state
        finally:
            app_state.go_on.set()
            for writer in app_state.open:
                writer.close()


@pytest.fixture
def without_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow no spare connections to this machine, so that only the pool counts."""
    monkeypatch.setattr(limited_protocol, "SPARE_CONNECTIONS", 0)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the end of the stream, or a reset."""
    data = b""
    try:
        async with asyncio.timeout(20):
            while block := await reader.read(65_536):
                data += block
    except ConnectionResetError:
        pass
    return data


async def test_pipelined_requests_wait_unread(without_spare: None) -> None:
    """aiohttp gets one request at a time; all are answered, in order."""
    async with served() as app:
        reader, writer = await app.connect()
        count = 200
        requests = [b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % number for number in range(count)]
        writer.write(b"".join(requests[:-1]) + requests[-1].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await app.arrived.wait()
        await until(lambda: app.pool.used > CONNECTION_BYTES)
        assert app.asked == ["/0"]
        assert app.pool.used <= CONNECTION_BYTES + 64 * KIB
        app.go_on.set()
        data = await end_of(reader)
        assert data.count(b"200 OK") == count
        assert app.asked == [f"/{number}" for number in range(count)]
        await until(lambda: app.pool.used == 0)


async def test_connections_are_bounded_by_memory_and_open_ones_are_answered(without_spare: None) -> None:
    """The next one is closed at once, and counted; when one has ended, another is accepted."""
    async with served(2 * CONNECTION_BYTES) as app:
        app.go_on.set()
        (first, first_writer), (second, second_writer) = await app.connect(), await app.connect()
        await until(lambda: app.pool.left == 0)
        refused, _ = await app.connect()
        assert await end_of(refused) == b""
        assert app.pool.refused == 1
        for reader, writer in ((first, first_writer), (second, second_writer)):
            writer.write(GET)
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        first_writer.close()
        await until(lambda: app.pool.left == CONNECTION_BYTES)
        again, writer = await app.connect()
        writer.write(GET)
        assert await again.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_a_health_check_is_accepted_although_the_pool_is_full() -> None:
    """Otherwise a container would be unhealthy because of its peers."""
    async with served(0) as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(GET)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_incomplete_heads_share_the_pool(without_spare: None) -> None:
    """Bytes over the free ones are charged; a connection that needs too much is closed, the others are answered."""
    begun = GET[:-2] + b"".join(b"X%d: %s\r\n" % (number, b"a" * 1_000) for number in range(20))
    async with served(4 * CONNECTION_BYTES + 2 * (HEAD_COPIES * len(begun) - FREE_BYTES)) as app:
        app.go_on.set()
        connected = [await app.connect() for _ in range(4)]
        for number, (_reader, writer) in enumerate(connected[:2], 1):
            writer.write(begun)
            charged = 4 * CONNECTION_BYTES + number * (HEAD_COPIES * len(begun) - FREE_BYTES)
            await until(lambda: app.pool.used == charged)  # noqa: B023
        (refused, writer), (healthy, healthy_writer) = connected[2:]
        writer.write(begun)
        assert await end_of(refused) == b""
        healthy_writer.write(GET)
        assert await healthy.readline() == b"HTTP/1.1 200 OK\r\n"
        connected[0][1].write(b"\r\n")
        assert await connected[0][0].readline() == b"HTTP/1.1 200 OK\r\n"


async def test_a_head_that_is_slow_makes_room_for_a_new_connection(
    without_spare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest incomplete head is aborted, so that such peers do not keep other clients out."""
    monkeypatch.setattr(limited_protocol, "GRACE_S", 0.0)
    monkeypatch.setattr(limited_protocol, "HEAD", deadlines.TimeLimit(3600.0, 3600.0))
    async with served(2 * CONNECTION_BYTES) as app:
        app.go_on.set()
        (oldest, first), (next_oldest, second) = await app.connect(), await app.connect()
        for writer in (first, second):
            writer.write(GET[:-2])
        await until(lambda: sum(bool(each.head_bytes) for each in connections_of(app).open.values()) == 2)
        healthy, writer = await app.connect()
        writer.write(GET)
        assert await healthy.readline() == b"HTTP/1.1 200 OK\r\n"
        assert await end_of(oldest) == b""
        second.write(b"\r\n")
        assert await next_oldest.readline() == b"HTTP/1.1 200 OK\r\n"
        assert app.pool.used == 2 * CONNECTION_BYTES


async def test_a_head_that_never_ends_is_cut_off() -> None:
    """aiohttp limits each line and the number of fields; here their sum is limited."""
    async with served() as app:
        reader, writer = await app.connect()
        writer.write(GET[:-2] + b"".join(b"X%d: %s\r\n" % (number, b"a" * 1_000) for number in range(100)))
        assert await end_of(reader) == b""
        assert app.asked == []
        assert MAX_HEAD_BYTES < 100_000


@pytest.mark.parametrize("cut", range(1, 4))
async def test_the_end_of_a_head_may_be_cut_anywhere(cut: int) -> None:
    """The request that comes with its end is answered after it."""
    async with served() as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(GET[:-cut])
        connections = connections_of(app)
        await until(lambda: any(each.head_bytes == len(GET) - cut for each in connections.open.values()))
        writer.write(GET[-cut:] + GET.replace(b"/", b"/2", 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await end_of(reader)).count(b"200 OK") == 2
        assert app.asked == ["/", "/2"]


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 16])
async def test_the_beginning_of_a_head_may_come_by_itself(cut: int) -> None:
    """However little it is, the rest is waited for, and the request answered."""
    async with served() as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(GET[:cut])
        connections = connections_of(app)
        await until(lambda: any(each.head_bytes == cut for each in connections.open.values()))
        writer.write(GET[cut:])
        async with asyncio.timeout(10):
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_empty_lines_before_a_request_are_no_request() -> None:
    """RFC 9112, section 2.2."""
    async with served() as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(b"\r\n\r\n")
        writer.write(b"\r\n" + GET)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


BODIES: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "with its length": (b"Content-Length: %d\r\n\r\n", lambda body: body),
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n", lambda body: b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)),
}


@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_is_read_and_the_request_behind_it_is_not_lost(kind: str, without_spare: None) -> None:
    """After a body with a length, the next request is answered; a chunked body ends the connection."""
    field, coded = BODIES[kind]
    body = bytes(300_000)
    async with served(16 << 20) as app:
        app.go_on.set()
        reader, writer = await app.connect()
        head = b"POST /a HTTP/1.1\r\nHost: a.test\r\n" + field.replace(b"%d", b"%d" % len(body))
        writer.write(head + coded(body) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answered = (await end_of(reader)).count(b"200 OK")
        assert app.bodies == [len(body)]
        assert answered == (1 if kind == "chunked" else 2)
        await until(lambda: app.pool.used == 0)


async def test_a_body_without_memory_for_it_is_refused(without_spare: None) -> None:
    """503, and the application does not see the request."""
    async with served(2 * CONNECTION_BYTES) as app:
        reader, writer = await app.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert (app.asked, app.pool.refused) == ([], 1)
        writer.close()
        await until(lambda: app.pool.used == 0)


CODINGS: dict[str, tuple[bytes, bool]] = {
    "gzip": (b"Content-Encoding: gzip\r\n", True),
    "deflate": (b"content-encoding:deflate\r\n", True),
    "br": (b"Content-Encoding: BR\r\n", True),
    "zstd": (b"Content-Encoding: zstd\r\n", True),
    "unknown": (b"Content-Encoding: x-new\r\n", True),
    "the last of several": (b"Content-Encoding: identity, gzip\r\n", True),
    "identity": (b"Content-Encoding: identity\r\n", False),
    "empty": (b"Content-Encoding:\r\n", False),
}


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
@pytest.mark.parametrize(("field", "is_refused"), CODINGS.values(), ids=CODINGS)
async def test_a_compressed_body_is_refused_before_it_is_read(field: bytes, is_refused: bool, framing: bytes) -> None:
    """RFC 9110, section 15.5.16: the answer says what to do; then the connection ends."""
    async with served(16 << 20) as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: a.test\r\n" + field + framing)
        status = await reader.readline()
        if not is_refused:
            assert status == b"HTTP/1.1 200 OK\r\n"
            return
        assert status == b"HTTP/1.1 415 Unsupported Media Type\r\n"
        rest = await reader.readuntil(CODED.encode())
        assert b"Accept-Encoding: identity\r\n" in rest
        assert b"Connection: close\r\n" in rest
        assert app.asked == []


async def test_a_coding_without_a_body_is_ignored() -> None:
    """There are no bytes that could become more."""
    async with served() as app:
        app.go_on.set()
        reader, writer = await app.connect()
        writer.write(GET[:-2] + b"Content-Encoding: gzip\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_a_body_is_never_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without that refusal, the application gets the bytes as they came."""
    monkeypatch.setattr(limited_handler, "has_coded_body", lambda _request: False)
    packed = gzip.compress(bytes(100_000))
    async with served(16 << 20) as app:
        app.go_on.set()
        reader, writer = await app.connect()
        fields = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        writer.write(b"POST / HTTP/1.1\r\nHost: a.test\r\n" + fields + packed)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert app.bodies == [len(packed)]


class Counter(asyncio.Protocol):
    """Counts the bytes that it gets."""

    came_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Count them."""
        self.came_bytes += len(data)


@pytest.mark.parametrize("field", [b"", b"Content-Encoding: gzip\r\n"], ids=["answered", "refused"])
async def test_little_is_read_of_a_chunked_body_after_the_answer(field: bytes) -> None:
    """The rest is dropped, and the connection ends."""
    async with served(16 << 20) as app:
        app.go_on.set()
        reader, writer = await app.connect()
        await until(lambda: bool(connections_of(app).open))
        ((inner, connection),) = connections_of(app).open.items()
        writer.write(GET[:-2] + field + b"Transfer-Encoding: chunked\r\n\r\n")
        await reader.readline()
        await until(lambda: connection.rest_bytes <= limits.LINGER_BYTES)
        counter = Counter()
        connection.inner = counter
        for _again in range(100):
            connection.data_received(b"1\r\na\r\n" * 10_000)
        connection.inner = cast("asyncio.Protocol", inner)
        assert counter.came_bytes <= limits.LINGER_BYTES
        assert len(connection.held) == 0


async def test_bytes_that_are_not_http_are_answered_with_400() -> None:
    """By aiohttp; then the connection ends."""
    async with served() as app:
        reader, writer = await app.connect()
        writer.write(b"\x16\x03\x01 TLS, or anything\r\n\r\n")
        assert b" 400 Bad Request\r\n" in await end_of(reader)
        assert app.asked == []


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    aborted = False

    def abort(self) -> None:
        """Note the abort."""
        self.aborted = True

    def is_closing(self) -> bool:
        """Return whether it was aborted."""
        return self.aborted


DEADLINES: dict[str, tuple[list[bytes], float]] = {
    "nothing was sent": ([], deadlines.IDLE.usual_s),
    "a head is not whole": ([b"GET / HTTP/1.1\r\n"], deadlines.HEAD.usual_s),
    "empty lines": ([b"\r\n", b"\r", b"\n\n"], deadlines.IDLE.usual_s),
    "a head comes byte by byte": ([b"G", b"E", b"T"], deadlines.HEAD.usual_s),
}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_empty_lines_do_not_begin_the_time_again() -> None:
    """They are no part of a request (RFC 9112, section 2.2); its first byte is."""
    connections = LimitedConnections(MemoryPool("connections", 100 * CONNECTION_BYTES))
    connection, wire = LimitedProtocol(connections, asyncio.Protocol()), Wire()
    connection.connection_made(wire)
    connection.since = -1.0
    for piece in (b"\r\n", b"\r", b"\n", b"\n" * 1_000):
        connection.data_received(piece)
    assert (connection.since, len(connection.held)) == (-1.0, 0)
    connection.data_received(b"\nG")
    assert connection.since > 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("sent", "most_s"), DEADLINES.values(), ids=DEADLINES)
@pytest.mark.parametrize("short", [False, True])
async def test_each_state_has_its_time_limit(sent: list[bytes], most_s: float, short: bool) -> None:
    """A short one where the pool is nearly full."""
    connections = LimitedConnections(MemoryPool("connections", CONNECTION_BYTES * (1 if short else 100)))
    connection, wire = LimitedProtocol(connections, asyncio.Protocol()), Wire()
    connection.connection_made(wire)
    for piece in sent:
        connection.data_received(piece)
    most_s = deadlines.IDLE.short_s if short else most_s
    begun = connection.since
    connections.sweep(begun + most_s)
    assert not wire.aborted
    connections.sweep(begun + most_s + 0.001)
    assert wire.aborted


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_peer_that_does_not_read_its_answer_has_a_time_limit() -> None:
    """The transport says when it cannot write."""
    connections = LimitedConnections(MemoryPool("connections", 100 * CONNECTION_BYTES))
    connection, wire = LimitedProtocol(connections, asyncio.Protocol()), Wire()
    connection.connection_made(wire)
    connection.pause_writing()
    connections.sweep(monotonic() + deadlines.WRITE.usual_s - 1)
    assert not wire.aborted
    connections.sweep(monotonic() + deadlines.WRITE.usual_s + 1)
    assert wire.aborted


async def test_an_application_may_take_long_for_an_answer(without_spare: None) -> None:
    """Also where the pool is nearly full."""
    async with served(CONNECTION_BYTES) as app:
        reader, writer = await app.connect()
        writer.write(GET)
        await app.arrived.wait()
        connections = connections_of(app)
        connections.sweep(monotonic() + 3600)
        app.go_on.set()
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


def connections_of(app: Served) -> LimitedConnections:
    """Return the connections that share an application's pool."""
    (found,) = [each for each in gc.get_objects() if isinstance(each, LimitedConnections) and each.pool is app.pool]
    return found
