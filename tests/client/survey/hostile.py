"""Hosts that do one thing wrong each, and the error by which a survey has to call it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from services.client.topology import Topology
from tests.client.peers import Peer, sends, serving

OK = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
LOOPBACK = "127.0.0.1"


class Hostile(NamedTuple):
    """A peer and the kind of error that its records must have; None where it is to be read all the same."""

    peer: Peer
    error: str | None


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a request, and answer with RST."""
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def answers_early(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer before the request has come, and take none of it: FIN follows the answer, and RST the request."""
    writer.write(TOO_LARGE)


async def answers_and_resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer before the request has come, and leave by RST."""
    writer.write(TOO_LARGE)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a head that never ends, one byte at a time, so that no wait for a byte is long."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send fields until the peer reads no more."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X: " + b"a" * 8_000 + b"\r\n")
        await writer.drain()


def redirects(location: str) -> Peer:
    """Return a peer that redirects every request."""
    return sends(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))


async def counts_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirect from /n to /n+1, for ever."""
    line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
    number = int(line.strip(b"/") or b"0") + 1
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\n\r\n" % number)


HOSTILE: Mapping[str, Hostile] = {
    "healthy": Hostile(sends(OK), None),
    "closes": Hostile(sends(b""), "closed"),
    "resets": Hostile(resets, "reset"),
    "answers-early": Hostile(answers_early, None),
    "answers-and-resets": Hostile(answers_and_resets, None),
    "truncates": Hostile(sends(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), "truncated_head"),
    "truncates-line": Hostile(sends(b"HTTP/1.1 200 OK\r\nServ"), "truncated_head"),
    "hangs": Hostile(sends(b"", then_hang=True), "head_timeout"),
    "hangs-in-head": Hostile(sends(b"HTTP/1.1 200 OK\r\nServer:", then_hang=True), "head_timeout"),
    "drips": Hostile(drips, "head_timeout"),
    "never-ends": Hostile(never_ends, "head_too_large"),
    "no-status": Hostile(sends(b"HTTP/1.1 two hundred\r\n\r\n"), "malformed_head"),
    "speaks-ssh": Hostile(sends(b"SSH-2.0-OpenSSH_9.2\r\n", then_hang=True), "not_http"),
    "speaks-tls": Hostile(sends(b"\x15\x03\x01\x00\x02\x02\x46"), "not_http"),
    "html-only": Hostile(sends(b"<html>\n"), "not_http"),
    "leads-back": Hostile(redirects("http://leads-back/"), "redirect_loop"),
    "counts-up": Hostile(counts_up, "too_many_redirects"),
    "bare-lf": Hostile(sends(b"HTTP/1.1 200 OK\nServer: x\n\n"), None),
    "controls": Hostile(sends(b"HTTP/1.1 200 \x1b[2J\r\nX: a\x07\x1b]0;x\x07\r\n\r\n"), None),
    "interim": Hostile(sends(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK), None),
    "spaces": Hostile(sends(b"HTTP/1.1 200 OK\r\nServer : x\r\n\r\n"), None),
    "shut": Hostile(sends(b""), "refused"),
    "nameless": Hostile(sends(b""), "dns"),
    "full": Hostile(sends(b""), "connect_timeout"),
}


@asynccontextmanager
async def hostile_hosts() -> AsyncIterator[Topology]:
    """Serve them all, each under its name, and yield the topology."""
    serve = {name: each.peer for name, each in HOSTILE.items() if name not in ("shut", "nameless", "full")}
    async with serving(**serve) as topology:
        with shut_port() as shut, full_port() as full:
            yield topology.with_routes({("shut", 80): shut, ("full", 80): full})


class shut_port:  # noqa: N801 - used as a function is
    """A port that is closed, and that no other program gets meanwhile."""

    def __enter__(self) -> tuple[str, int]:
        self._held = socket.socket()
        self._held.bind((LOOPBACK, 0))
        return LOOPBACK, int(self._held.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._held.close()


class full_port:  # noqa: N801
    """A port whose backlog is full: the kernel answers no SYN, as a host that drops them."""

    def __enter__(self) -> tuple[str, int]:
        self._server = socket.socket()
        self._server.bind((LOOPBACK, 0))
        self._server.listen(0)
        where = self._server.getsockname()
        self._queued = [socket.socket() for _ in range(4)]
        for each in self._queued:
            each.setblocking(False)
            each.connect_ex(where)
        return LOOPBACK, int(where[1])

    def __exit__(self, *_: object) -> None:
        for each in (*self._queued, self._server):
            each.close()
