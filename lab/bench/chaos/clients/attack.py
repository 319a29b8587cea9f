"""The shared parts of all attacks of a chaos run: the order, the events, and a connection that counts how it ended.

An attack is a script inside a client's container. It uses the standard library alone, and is sent through stdin (see
`inside`). Its argument is an order: a JSON object with the fields of `Order`, such as
`{"attack": "tls_trickle", "host": "sohu", "port": 443, "count": 10000, "seconds": 20}`. It prints a line of JSON for
each event:

    {"event": "ready"}                  it is about to begin
    {"event": "opened", counts...}      each of its `count` connections has been tried, and has sent what it sends
    {"event": "failed", "what": "..."}  the lab broke a promise (the first few of a kind)
    {"event": "done", counts...}        it is over: after `seconds`, or by SIGTERM or SIGINT

The counts: `opened` connections; `refused`, `timed_out` instead; and how connections ended: `answered`, `turned_away`
(ended by the peer without an answer, or with 503), `held` to the end. All of them end by RST, so that no port is left
in TIME_WAIT.
"""

import asyncio
import json
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass

CONNECT_S = 10.0
CONNECTS_AT_ONCE = 512
RESOLVED_FOR_S = 2.0
PIECE_BYTES = 65_536
SMALL_WINDOW_BYTES = 4_096
MAX_TOLD = 5


@dataclass(frozen=True, slots=True)
class Order:
    """The target of an attack, and its size.

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
    """Counts what comes of an attack, and prints its events on stdout."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def tell(self, event: str, **facts: object) -> None:
        """Print one event, with the counts so far."""
        print(json.dumps({"event": event, **self.counts, **facts}), flush=True)

    def failed(self, kind: str, what: str) -> None:
        """Count a broken promise, and print an event for the first few of a kind."""
        self.counts["failures"] += 1
        self.failures[kind] += 1
        if self.failures[kind] <= MAX_TOLD:
            self.tell("failed", kind=kind, what=what)


class Target:
    """Where connections go. The name is looked up again every RESOLVED_FOR_S: a service that restarts may move."""

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


class RateLimiter:
    """Limits how many connections are being opened at once, and how many are opened in a second."""

    def __init__(self, per_s: float) -> None:
        self.at_once = asyncio.Semaphore(CONNECTS_AT_ONCE)
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next_s = time.monotonic()

    async def wait(self) -> None:
        """Return when the next connection may be opened."""
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
        """Call `when_placed`, once."""
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
        """Read nothing until the attack ends."""
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


Attack = Callable[[Order, Report], Coroutine[None, None, None]]


def request(order: Order, *, method: str = "GET", target: str = "/", fields: str = "") -> bytes:
    """Return the bytes of a request's head."""
    return f"{method} {target} HTTP/1.1\r\nHost: {order.site}\r\n{fields}\r\n".encode("latin-1")


async def carry_out(order: Order, attacks: Mapping[str, Attack], *, longer_s: float = 0.0) -> None:
    """Attack until it is over, until a signal comes, or for `longer_s` more than the order's seconds."""
    report = Report()
    report.tell("ready")
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(order.seconds + longer_s), asyncio.TaskGroup() as group:
            attacking = group.create_task(attacks[order.attack](order, report))
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, attacking.cancel)
    report.tell("done")


def main(attacks: Mapping[str, Attack], *, longer_s: float = 0.0) -> None:
    """Read the order from the command line, and carry it out. `attacks`: those that it may name."""
    order = Order(**json.loads(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(carry_out(order, attacks, longer_s=longer_s))
