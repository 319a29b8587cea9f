"""The relay: every byte and each kind of end is passed on, with bounded memory."""

import asyncio
import dataclasses
import os
import select
import socket
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from services.gateway.__main__ import of_the_page
from services.gateway.acceptor import Acceptor, accepting
from services.gateway.dialer import Dialer, Unreachable
from services.gateway.relay import BUFFER_BYTES, READ_BYTES
from services.gateway.settings import GatewaySettings
from services.runtime.http import Address
from tests.sites.peer import Heard, listen

pytestmark = pytest.mark.anyio

LOOPBACK = Address("127.0.0.1", 0)
TIMEOUT_S = 20.0
RESET = struct.pack("ii", 1, 0)
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ends:
    """The gateway's address and its target, which the test is itself."""

    address: Address
    target: socket.socket
    acceptor: Acceptor

    def near(self) -> socket.socket:
        """Return a new connection to the gateway."""
        return socket.create_connection(self.address, timeout=TIMEOUT_S)

    def heard(self) -> Heard:
        """Return what a client gets that sends nothing; the reset may come before its connect returns."""
        try:
            with self.near() as connection:
                return listen(connection, 1 << 62)
        except ConnectionResetError:
            return Heard(b"", "rst")

    def far(self) -> socket.socket:
        """Return the connection that the gateway has made to the target."""
        connection, _peer = self.target.accept()
        connection.settimeout(TIMEOUT_S)
        return connection

    def both(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a new connection."""
        return self.near(), self.far()


def listener() -> socket.socket:
    """Return a target."""
    made = socket.create_server(("127.0.0.1", 0))
    made.settimeout(TIMEOUT_S)
    return made


@asynccontextmanager
async def gateway(**changes: object) -> AsyncIterator[Ends]:
    """Run a gateway to a target of the test's own."""
    with closing(listener()) as target:
        settings = GatewaySettings(where=LOOPBACK, target=Address(*target.getsockname()[:2]), drain_s=0)
        async with accepting(dataclasses.replace(settings, **changes)) as (acceptor, address):  # type: ignore[arg-type]
            yield Ends(address, target, acceptor)


async def between(ends: Ends, talk: Callable[[socket.socket, socket.socket], None]) -> None:
    """Let a blocking function talk over both ends of a new connection."""

    def in_thread() -> None:
        near, far = ends.both()
        with near, far:
            talk(near, far)

    await anyio.to_thread.run_sync(in_thread)


def swapped(near: socket.socket, far: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends in the other order."""
    return far, near


def as_they_are(near: socket.socket, far: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends in this order."""
    return near, far


DIRECTIONS = pytest.mark.parametrize("order", [as_they_are, swapped], ids=["inwards", "outwards"])
Order = Callable[[socket.socket, socket.socket], tuple[socket.socket, socket.socket]]


async def test_every_byte_is_passed_on_in_both_directions_at_once() -> None:
    """More megabytes of random bytes than all buffers together hold."""
    there, back = os.urandom(5 * MEBIBYTE), os.urandom(5 * MEBIBYTE)

    def talk(near: socket.socket, far: socket.socket) -> None:
        with ThreadPoolExecutor(2) as sending:
            for connection, data in ((near, there), (far, back)):
                sending.submit(send_all, connection, data)
            with ThreadPoolExecutor(2) as hearing:
                at_far, at_near = hearing.map(lambda end: listen(end, 1 << 62), (far, near))
        assert at_far == Heard(there, "fin")
        assert at_near == Heard(back, "fin")

    async with gateway() as ends:
        await between(ends, talk)


def send_all(connection: socket.socket, data: bytes) -> None:
    """Send, and end this direction."""
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


class Slow(Dialer):
    """A dialer that waits until it is told to go on."""

    def __init__(self, dialer: Dialer) -> None:
        super().__init__(dialer.targets, timeout_s=TIMEOUT_S)
        self.go_on = asyncio.Event()

    async def dial(self, target: Address, protocol: Callable[[], asyncio.BaseProtocol]) -> asyncio.Transport:
        """Wait, and dial."""
        await self.go_on.wait()
        return await super().dial(target, protocol)


@pytest.mark.parametrize("early", [b"asked", bytes(MEBIBYTE)], ids=["a little", "more than is held"])
async def test_bytes_that_come_before_the_target_is_connected_are_not_lost(early: bytes) -> None:
    """A client may send all its bytes and a FIN before the gateway has looked up the target's name."""
    async with gateway() as ends:
        ends.acceptor.dialer = slow = Slow(ends.acceptor.dialer)
        near = await anyio.to_thread.run_sync(ends.near)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, send_all, near, early)
            with anyio.fail_after(TIMEOUT_S):
                while not (ends.acceptor.relays and next(iter(ends.acceptor.relays)).to_client.has_early_bytes):
                    await anyio.lowlevel.checkpoint()
            slow.go_on.set()
            far = await anyio.to_thread.run_sync(ends.far)
            with near, far:
                assert await anyio.to_thread.run_sync(listen, far, 1 << 62) == Heard(early, "fin")
                await anyio.to_thread.run_sync(send_all, far, b"answered")
                assert await anyio.to_thread.run_sync(listen, near, 1 << 62) == Heard(b"answered", "fin")


async def test_a_client_that_leaves_before_the_target_is_connected_leaves_no_relay() -> None:
    """The target's connection is reset as soon as it is made."""
    async with gateway() as ends:
        ends.acceptor.dialer = slow = Slow(ends.acceptor.dialer)
        near = await anyio.to_thread.run_sync(ends.near)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        near.close()
        slow.go_on.set()
        with await anyio.to_thread.run_sync(ends.far) as far:
            assert await anyio.to_thread.run_sync(listen, far, 1 << 62) == Heard(b"", "rst")
        await none_left(ends)


@DIRECTIONS
async def test_an_end_of_one_direction_leaves_the_other_open(order: Order) -> None:
    """RFC 9293, section 3.6: after its FIN, a peer still gets its answer."""

    def talk(near: socket.socket, far: socket.socket) -> None:
        one, other = order(near, far)
        send_all(one, b"asked")
        assert listen(other, 1 << 62) == Heard(b"asked", "fin")
        for part in (b"answered ", b"late"):
            other.sendall(part)
            assert listen(one, len(part)) == Heard(part, "open")
        other.shutdown(socket.SHUT_WR)
        assert listen(one, 1 << 62) == Heard(b"", "fin")

    async with gateway() as ends:
        await between(ends, talk)
        await none_left(ends)


@DIRECTIONS
@pytest.mark.parametrize("said", [b"", b"some"], ids=["at once", "after bytes"])
async def test_a_reset_is_passed_on_as_a_reset(order: Order, said: bytes) -> None:
    """A client of a test that resets connections sees what the server did."""

    def talk(near: socket.socket, far: socket.socket) -> None:
        one, other = order(near, far)
        one.sendall(said)
        assert listen(other, len(said)).data == said
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.close()
        assert listen(other, 1 << 62) == Heard(b"", "rst")

    async with gateway() as ends:
        await between(ends, talk)
        await none_left(ends)


@DIRECTIONS
async def test_while_one_peer_reads_nothing_little_is_read_from_the_other(order: Order) -> None:
    """Back-pressure: the bytes held have a bound, and none is lost."""

    async with gateway() as ends:
        near, far = await anyio.to_thread.run_sync(ends.both)
        with near, far:
            one, other = order(near, far)
            sent = await anyio.to_thread.run_sync(send_until_blocked, one)
            (relay,) = ends.acceptor.relays
            held = [
                end.transport.get_write_buffer_size() for end in (relay.to_client, relay.to_target) if end.transport
            ]
            assert 0 < max(held) <= BUFFER_BYTES + READ_BYTES
            one.shutdown(socket.SHUT_WR)
            assert await anyio.to_thread.run_sync(listen, other, 1 << 62) == Heard(bytes(sent), "fin")


def send_until_blocked(connection: socket.socket) -> int:
    """Send zeros until no more are taken, and return how many were."""
    connection.setblocking(False)
    sent = 0
    while select.select([], [connection], [], 0.5)[1]:
        sent += connection.send(bytes(MEBIBYTE))
    return sent


async def test_a_connection_over_the_limit_is_reset_and_the_others_stay() -> None:
    """When one has ended, the next connection is accepted."""
    async with gateway(max_connections=2) as ends:

        def talk(near: socket.socket, far: socket.socket) -> None:
            second = ends.both()
            for _again in range(3):
                assert ends.heard() == Heard(b"", "rst")
            near.sendall(b"here")
            assert listen(far, 4).data == b"here"
            for end in second:
                end.close()

        await between(ends, talk)
        assert ends.acceptor.refused == 3
        await none_left(ends)
        await between(ends, lambda near, far: send_all(near, b"free"))


async def none_left(ends: Ends) -> None:
    """Return when every connection has ended."""
    with anyio.fail_after(TIMEOUT_S):
        while ends.acceptor.relays:
            await anyio.lowlevel.checkpoint()


async def test_a_client_whose_target_refuses_is_reset() -> None:
    """At once; the reason is logged once, for any number of clients."""
    with closing(socket.socket()) as bound:  # and not listened on: no other program can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        target = Address(*bound.getsockname()[:2])
        async with gateway(target=target) as ends:
            for _again in range(3):
                assert await anyio.to_thread.run_sync(ends.heard) == Heard(b"", "rst")
            assert ends.acceptor.target_error == f"{target}: Connection refused"
            await none_left(ends)


async def test_a_target_that_does_not_answer_is_given_up() -> None:
    """A connect has a deadline: a listener whose backlog is full drops the SYN."""
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        target = Address(*full.getsockname()[:2])
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(target)
        async with gateway(target=target, connect_timeout_s=0.1) as ends:
            assert await anyio.to_thread.run_sync(ends.heard) == Heard(b"", "rst")
            assert ends.acceptor.target_error == f"{target}: no connection within 0.1 s"
        for each in waiting:
            each.close()


async def test_a_connection_on_which_nothing_moves_is_reset() -> None:
    """Both peers get RST, and the relay ends."""

    def talk(near: socket.socket, far: socket.socket) -> None:
        assert [listen(end, 1 << 62).end for end in (near, far)] == ["rst", "rst"]

    async with gateway(idle_timeout_s=1.0) as ends:
        await between(ends, talk)


@pytest.mark.parametrize("target", [Address("hello", 8081), Address("sina", 8000), Address("www.163.com", 80)], ids=str)
async def test_only_its_targets_can_be_reached(target: Address) -> None:
    """Neither an admin port nor another host: the targets are a closed list."""
    dialer = Dialer([Address("hello", 8000)], timeout_s=1)
    with pytest.raises(Unreachable, match=rf"^{target.host}:\d+: is not a target of this gateway$"):
        await dialer.dial(target, anyio.abc.SocketStream)  # type: ignore[arg-type] # nothing is made of it


async def test_a_stop_waits_for_answers_in_flight_and_closes_quiet_connections() -> None:
    """An idle connection of a browser does not delay the stop."""
    with closing(listener()) as target:
        settings = GatewaySettings(where=LOOPBACK, target=Address(*target.getsockname()[:2]), drain_s=TIMEOUT_S)
        async with anyio.create_task_group() as tasks, accepting(settings) as (acceptor, address):
            ends = Ends(address, target, acceptor)
            kept, asking = [await anyio.to_thread.run_sync(ends.both) for _ in range(2)]
            await anyio.to_thread.run_sync(asking[0].sendall, b"asked")
            assert (await anyio.to_thread.run_sync(listen, asking[1], 5)).data == b"asked"

            def answer_once_the_quiet_one_has_ended() -> None:
                assert listen(kept[0], 1 << 62) == Heard(b"", "fin")
                asking[1].sendall(b"answered")
                assert listen(asking[0], 8).data == b"answered"

            tasks.start_soon(anyio.to_thread.run_sync, answer_once_the_quiet_one_has_ended)
        for each in (*kept, *asking):
            each.close()


async def test_a_stop_resets_connections_that_do_not_end() -> None:
    """After `drain_s`, which is less than Compose's grace period."""
    async with gateway(drain_s=0.1) as ends:
        near, far = await anyio.to_thread.run_sync(ends.both)
        await anyio.to_thread.run_sync(near.sendall, b"asked")
        await anyio.to_thread.run_sync(listen, far, 5)
    with near, far:
        assert await anyio.to_thread.run_sync(listen, near, 1 << 62) == Heard(b"", "rst")


async def test_browsers_have_a_port_that_leads_to_the_page() -> None:
    """The same relay, between other addresses; each port leads to its own target."""
    with closing(listener()) as page, closing(listener()) as hello:
        settings = GatewaySettings(
            where=LOOPBACK,
            target=Address(*hello.getsockname()[:2]),
            page=LOOPBACK,
            page_target=Address(*page.getsockname()[:2]),
            drain_s=0,
        )
        async with (
            accepting(settings) as (of_hello, hello_at),
            accepting(of_the_page(settings)) as (of_pages, page_at),
        ):
            for target, acceptor, address in ((page, of_pages, page_at), (hello, of_hello, hello_at)):
                await between(Ends(address, target, acceptor), passes_a_line)


def passes_a_line(near: socket.socket, far: socket.socket) -> None:
    """Send a line each way."""
    near.sendall(b"asked\n")
    assert far.recv(100) == b"asked\n"
    far.sendall(b"answered\n")
    assert near.recv(100) == b"answered\n"
