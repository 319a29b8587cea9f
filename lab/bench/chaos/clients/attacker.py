"""Attacks on one service of the lab by many connections, from inside a client's container: ATTACKS lists them.

Sent through stdin together with `lab.bench.chaos.clients.attack`, whose events it prints; see `inside`.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from lab.bench.chaos.clients.attack import (
    PIECE_BYTES,
    Attack,
    Connection,
    Order,
    RateLimiter,
    Report,
    Target,
    main,
    nothing,
    request,
)

AGAIN_S = (0.5, 1.5)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Act = Callable[[Connection, Order, random.Random], Awaitable[None]]
"""The work of one connection, once it is open."""


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
    """Ask for a name that is not ASCII, is not UTF-8, or is empty."""
    name = bytes(draw.choice((0x00, 0x2E, 0x7F, 0x80, 0xC3, 0xE9, 0xFF)) for _ in range(draw.randrange(6, 60)))
    await connection.send(client_hello(name))
    await connection.hold()


async def pipeline_unread(connection: Connection, order: Order, _draw: random.Random) -> None:
    """Ask again and again, and read no answer."""
    data = request(order) * (PIECE_BYTES // len(request(order)))
    with suppress(TimeoutError):
        async with asyncio.timeout(2):  # the peer has taken by then what it takes
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
    """Send a part of a request or handshake, wait a moment, perhaps read a little, and reset."""
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


class ConnectionAttack:
    """`count` connections that do the same, each opened again when the peer has ended it, until it is cancelled."""

    def __init__(self, act: Act, order: Order, report: Report) -> None:
        self.act, self.order, self.report = act, order, report
        self.target, self.limiter = Target(order.host, order.port), RateLimiter(order.per_s)
        self.untried = order.count

    async def run(self) -> None:
        """Attack until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.order.count):
                group.create_task(self.repeat(number))

    async def repeat(self, number: int) -> None:
        """Open one connection after another; what the peer ended is opened again."""
        draw = random.Random(f"{self.order.seed} {number}")
        was_tried = self.was_tried
        while True:
            await self.limiter.wait()
            await self.once(draw, was_tried)
            was_tried = nothing
            await asyncio.sleep(draw.uniform(*AGAIN_S))

    async def once(self, draw: random.Random, was_tried: Callable[[], None]) -> None:
        """Open a connection, and let the attack use it; count how both went."""
        counts = self.report.counts
        connection = Connection(was_tried, small_window=self.act in SMALL_WINDOWS)
        try:
            async with self.limiter.at_once:
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
        """Count a connection that has been tried, and print an event after the last."""
        self.untried -= 1
        if self.untried == 0:
            self.report.tell("opened")


def by_connections(act: Act) -> Attack:
    """Return the attack that does this to each of many connections."""
    return lambda order, report: ConnectionAttack(act, order, report).run()


def named(attacks: Iterable[Act]) -> dict[str, Attack]:
    """Return attacks by their names."""
    return {each.__name__: by_connections(each) for each in attacks}


ATTACKS: dict[str, Attack] = {
    **named((tls_trickle, tls_unfinished, tls_names, pipeline_unread, journal_heads, journal_slow)),
    **named((endless_head, slow_body, resets, noise)),
}


if __name__ == "__main__":
    main(ATTACKS)
