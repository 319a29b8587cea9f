"""Attacks on one service of the lab, from inside a client's container: the standard library alone, sent through stdin.

    docker compose run --rm -T --no-deps --entrypoint python3 client - ORDER < lab/bench/chaos/clients/attacker.py

ORDER is a JSON object with the fields of `Order`, such as
`{"attack": "tls_trickle", "host": "sohu", "port": 443, "count": 10000, "seconds": 20}`. ATTACKS lists what there is.
An attack prints a line of JSON for each event:

    {"event": "ready"}                  it is about to begin
    {"event": "opened", counts...}      each of its `count` connections has been tried, and has sent what it sends
    {"event": "failed", "what": "..."}  the lab broke a promise (the first few of a kind)
    {"event": "done", counts...}        it is over: after `seconds`, or by SIGTERM or SIGINT

The counts: `opened` connections; `refused`, `timed_out` instead; and how connections ended: `answered`, `turned_away`
(ended by the peer without an answer, or with 503), `held` to the end. What the peer ended is opened again. All of them
end by RST, so that no port is left in TIME_WAIT.
"""

import asyncio
import json
import random
import resource
import signal
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

CONNECT_S = 10.0
CONNECTS_AT_ONCE = 512
RESOLVED_FOR_S = 2.0
AGAIN_S = (0.5, 1.5)
PIECE_BYTES = 65_536
SMALL_WINDOW_BYTES = 4_096
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What is attacked, and how much.

    `count` connections (or requests at once) for `seconds`; `per_s` connections a second at most, 0 for no limit.
    `name` is the site that is meant, where it is another than `host`, which is connected to.
    """

    attack: str
    host: str
    port: int
    count: int = 1
    seconds: float = 10.0
    per_s: float = 0.0
    seed: int = 0
    name: str = ""

    @property
    def site(self) -> str:
        """The name in the Host field and in TLS."""
        return self.name or self.host


class Report:
    """What is told of an attack, on stdout."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def tell(self, event: str, **facts: object) -> None:
        """Print one event, with the counts so far."""
        print(json.dumps({"event": event, **self.counts, **facts}), flush=True)

    def failed(self, kind: str, what: str) -> None:
        """Tell of a broken promise; of each kind, the first few."""
        self.counts["failures"] += 1
        self.failures[kind] += 1
        if self.failures[kind] <= MOST_TOLD:
            self.tell("failed", kind=kind, what=what)


class Target:
    """Where connections go: the name is looked up again now and then, since a service that restarts may move."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._address, self._until_s = "", 0.0
        self._looking = asyncio.Lock()

    async def address(self) -> tuple[str, int]:
        """Return address and port. Raises OSError."""
        async with self._looking:
            if time.monotonic() > self._until_s:
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, family=socket.AF_INET)
                self._address, self._until_s = str(found[0][4][0]), time.monotonic() + RESOLVED_FOR_S
        return self._address, self.port


class Gate:
    """Lets connections be opened: a number at once, and so many a second."""

    def __init__(self, per_s: float) -> None:
        self.at_once = asyncio.Semaphore(CONNECTS_AT_ONCE)
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next_s = time.monotonic()

    async def turn(self) -> None:
        """Return when it is this connection's turn."""
        if self._gap_s:
            now = time.monotonic()
            self._next_s = max(now, self._next_s + self._gap_s)
            await asyncio.sleep(self._next_s - now)


def nothing() -> None:
    """Do nothing."""


class Connection:
    """One connection. `when_placed` is called once it has sent what its attack sends, or has ended."""

    def __init__(self, when_placed: Callable[[], None] = nothing, *, small_window: bool = False) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close() sends RST
        if small_window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW_BYTES)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE_BYTES)
        self._when_placed = when_placed
        self.first = b""
        self.ended = False

    async def open(self, address: tuple[str, int]) -> None:
        """Connect. Raises OSError or TimeoutError."""
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(self.socket, address)

    async def send(self, data: bytes) -> None:
        """Send it all. Raises OSError."""
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def receive(self, most: int = PIECE_BYTES) -> bytes:
        """Return what comes next, nothing at the end of the stream. Raises OSError."""
        data = await asyncio.get_running_loop().sock_recv(self.socket, most)
        self.first += data[: 16 - len(self.first)]
        self.ended = not data
        return data

    def placed(self) -> None:
        """Say that it has sent what it sends."""
        then, self._when_placed = self._when_placed, nothing
        then()

    def close(self) -> None:
        """Reset it."""
        self.socket.close()
        self.placed()

    async def hold(self) -> None:
        """Read what comes until the peer ends it."""
        self.placed()
        while await self.receive():
            pass

    async def ignore(self) -> None:
        """Read nothing, for as long as the attack goes on."""
        self.placed()
        await asyncio.Event().wait()

    @property
    def verdict(self) -> str:
        """How it ended."""
        if self.first.startswith((b"HTTP/1.1 503", b"HTTP/1.0 503")):
            return "turned_away"
        if self.first:
            return "answered"
        return "turned_away" if self.ended else "held"


Act = Callable[[Connection, Order, random.Random], Awaitable[None]]


def request(order: Order, *, method: str = "GET", target: str = "/", fields: str = "") -> bytes:
    """Return the bytes of a request's head."""
    return f"{method} {target} HTTP/1.1\r\nHost: {order.site}\r\n{fields}\r\n".encode("latin-1")


def client_hello(name: bytes) -> bytes:
    """Return a whole ClientHello that asks for a name, which may be any bytes."""
    stand_in = b"x" * (len(name) - 5) + b".test"
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        TLS.wrap_bio(incoming, outgoing, server_hostname=stand_in.decode("ascii")).do_handshake()
    return outgoing.read().replace(stand_in, name)


async def tls_trickle(connection: Connection, _order: Order, _draw: random.Random) -> None:
    """Send the first three bytes of a TLS record, and wait."""
    await connection.send(b"\x16\x03\x01")
    await connection.hold()


async def tls_unfinished(connection: Connection, _order: Order, _draw: random.Random) -> None:
    """Send 63 KB of a ClientHello that would be longer."""
    body = b"\x01" + (100_000).to_bytes(3, "big") + b"\x03\x03" + bytes(63_000)
    records = [body[begin : begin + 16_384] for begin in range(0, len(body), 16_384)]
    await connection.send(b"".join(b"\x16\x03\x01" + len(each).to_bytes(2, "big") + each for each in records))
    await connection.hold()


async def tls_names(connection: Connection, _order: Order, draw: random.Random) -> None:
    """Ask for a name that is not ASCII, not UTF-8, or no name."""
    name = bytes(draw.choice((0x00, 0x2E, 0x7F, 0x80, 0xC3, 0xE9, 0xFF)) for _ in range(draw.randrange(6, 60)))
    await connection.send(client_hello(name))
    await connection.hold()


async def pipeline_unread(connection: Connection, order: Order, _draw: random.Random) -> None:
    """Ask again and again, and read no answer."""
    data = request(order) * (PIECE_BYTES // len(request(order)))
    with suppress(TimeoutError):
        async with asyncio.timeout(2):  # by then what the peer takes, it has taken
            while True:
                await connection.send(data)
    await connection.ignore()


async def journal_heads(connection: Connection, order: Order, _draw: random.Random) -> None:
    r"""Fill the journal with heads of nearly 32 KiB of \xff, each answered whole."""
    data = request(order, method="HEAD", fields=f"X-Attack: {chr(0xFF) * 32_000}\r\n")
    for _ in range(1_000):
        await connection.send(data)
        if not await connection.receive() or connection.first.startswith(b"HTTP/1.1 4"):
            break
        if order.per_s:
            await asyncio.sleep(order.count / order.per_s)


async def journal_slow(connection: Connection, order: Order, _draw: random.Random) -> None:
    """Ask the admin side for a thousand entries, and read them slowly."""
    await connection.send(request(order, target="/journal?limit=1000"))
    connection.placed()
    while await connection.receive(1_024):  # noqa: ASYNC110 - the slowness is the attack
        await asyncio.sleep(0.1)


async def endless_head(connection: Connection, order: Order, draw: random.Random) -> None:
    """Send field after field."""
    await connection.send(request(order)[:-2])
    connection.placed()
    while True:
        await connection.send(b"X-Attack: endless\r\n" * draw.randrange(1, 60))
        await asyncio.sleep(draw.uniform(0.0, 0.5))


async def slow_body(connection: Connection, order: Order, draw: random.Random) -> None:
    """Promise a body, and send it byte by byte."""
    await connection.send(request(order, method="POST", fields="Content-Length: 1000000\r\n"))
    connection.placed()
    while True:
        await connection.send(b"x")
        await asyncio.sleep(draw.uniform(0.5, 1.0))


async def resets(connection: Connection, order: Order, draw: random.Random) -> None:
    """Say a part of something, wait a moment, perhaps read a little, and reset."""
    expecting = request(order, method="POST", fields="Content-Length: 5\r\nExpect: 100-continue\r\n")
    whole = draw.choice((request(order), expecting, expecting + b"hello", client_hello(b"reset.test")))
    await connection.send(whole[: draw.randrange(1, len(whole) + 1)])
    await asyncio.sleep(draw.expovariate(50))
    if draw.random() < 0.3:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.receive(draw.randrange(1, 200))


async def noise(connection: Connection, _order: Order, draw: random.Random) -> None:
    """Send random bytes, and read what comes of them for a second."""
    await connection.send(draw.randbytes(draw.randrange(1, 8_192)))
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await connection.hold()


SMALL_WINDOWS = (pipeline_unread, journal_slow)


class Storm:
    """`count` connections that do the same, each opened again when the peer has ended it, until it is cancelled."""

    def __init__(self, act: Act, order: Order, report: Report) -> None:
        self.act, self.order, self.report = act, order, report
        self.target, self.gate = Target(order.host, order.port), Gate(order.per_s)
        self.untried = order.count

    async def run(self) -> None:
        """Attack."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.order.count):
                group.create_task(self.repeat(number))

    async def repeat(self, number: int) -> None:
        """Open one connection after another."""
        draw = random.Random(f"{self.order.seed} {number}")
        was_tried = self.was_tried
        while True:
            await self.gate.turn()
            await self.once(draw, was_tried)
            was_tried = nothing
            await asyncio.sleep(draw.uniform(*AGAIN_S))

    async def once(self, draw: random.Random, was_tried: Callable[[], None]) -> None:
        """Open a connection, and do to it what is to be done; count how both went."""
        counts = self.report.counts
        connection = Connection(was_tried, small_window=self.act in SMALL_WINDOWS)
        try:
            async with self.gate.at_once:
                await connection.open(await self.target.address())
            counts["opened"] += 1
        except OSError as error:  # TimeoutError is one
            counts["timed_out" if isinstance(error, TimeoutError) else "refused"] += 1
            connection.close()
            return
        try:
            await self.act(connection, self.order, draw)
        except OSError:
            connection.ended = True
        finally:
            connection.close()
            counts[connection.verdict] += 1

    def was_tried(self) -> None:
        """Tell it when this was the last."""
        self.untried -= 1
        if self.untried == 0:
            self.report.tell("opened")


Attack = Callable[[Order, Report], Coroutine[None, None, None]]


def by_connections(act: Act) -> Attack:
    """Return the attack that does this to each of many connections."""
    return lambda order, report: Storm(act, order, report).run()


def named(attacks: Iterable[Act]) -> dict[str, Attack]:
    """Return attacks by their names."""
    return {each.__name__: by_connections(each) for each in attacks}


ATTACKS: dict[str, Attack] = {
    **named((tls_trickle, tls_unfinished, tls_names, pipeline_unread, journal_heads, journal_slow)),
    **named((endless_head, slow_body, resets, noise)),
}


async def carry_out(order: Order, attacks: Mapping[str, Attack] = ATTACKS, *, longer_s: float = 0.0) -> None:
    """Attack, for as long as it is to take and `longer_s` at most, or until a signal comes."""
    report = Report()
    report.tell("ready")
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(order.seconds + longer_s), asyncio.TaskGroup() as group:
            attacking = group.create_task(attacks[order.attack](order, report))
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, attacking.cancel)
    report.tell("done")


def main(attacks: Mapping[str, Attack] = ATTACKS, *, longer_s: float = 0.0) -> None:
    """Read the order, and carry it out."""
    order = Order(**json.loads(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(carry_out(order, attacks, longer_s=longer_s))


if __name__ == "__main__":
    main()
