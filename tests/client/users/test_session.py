"""Connections to a server of pages, and how they end."""

import asyncio

import pytest

from services.client.users.page import Page
from services.client.users.session import ConnectFailed, Disconnected, Session
from tests.client.peers import Peer, sends, serving

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def answering(times: int, seen: list[bytes]) -> Peer:
    """Return a peer that answers so many requests of a connection, and then ends it."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"connected")
        for _ in range(times):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(PAGE)

    return peer


async def pages(peer: Peer, number: int, *, proxy: bool = False) -> list[Page]:
    """Ask a peer for so many pages, one after the other."""
    async with serving(other=peer) as topology:
        host, port = topology.routes["other", 80]
        url = f"http://{host}:{port}"
        session = Session("http://hello:8000" if proxy else url, timeout_s=10, proxy=url if proxy else None)
        try:
            return [await session.get(f"/{n}") for n in range(number)]
        finally:
            session.close()


@pytest.mark.anyio
async def test_a_connection_is_asked_again() -> None:
    """One after the other, all users have one connection."""
    seen: list[bytes] = []
    assert await pages(answering(3, seen), 3) == [Page(200, b"hi", is_kept=True)] * 3
    assert seen.count(b"connected") == 1


@pytest.mark.anyio
async def test_a_connection_that_ended_while_it_was_idle_is_replaced() -> None:
    """Without an error, also where its end is noticed only when it is asked."""
    seen: list[bytes] = []
    assert await pages(answering(1, seen), 3) == [Page(200, b"hi", is_kept=True)] * 3
    assert seen.count(b"connected") == 3


@pytest.mark.anyio
async def test_a_new_connection_that_ends_without_an_answer_is_an_error() -> None:
    """It is not tried again: the server might do so for ever."""
    with pytest.raises(Disconnected):
        await pages(sends(b""), 1)


@pytest.mark.anyio
async def test_a_proxy_is_asked_by_the_whole_url() -> None:
    """RFC 9112, section 3.2.2; the Host field has the server's name."""
    seen: list[bytes] = []
    await pages(answering(1, seen), 1, proxy=True)
    assert seen[1].startswith(b"GET http://hello:8000/0 HTTP/1.1\r\nHost: hello:8000\r\n")


@pytest.mark.anyio
async def test_a_server_that_is_silent_is_given_up() -> None:
    """At the session's deadline; its connection is ended."""
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with serving(other=silent) as topology:
        host, port = topology.routes["other", 80]
        with pytest.raises(TimeoutError):
            await Session(f"http://{host}:{port}", timeout_s=2.0).get("/")
        await ended.wait()


@pytest.mark.anyio
async def test_a_port_without_a_server_is_not_connected() -> None:
    """The system's reason is kept."""
    async with serving(other=sends(b"")) as topology:
        host, port = topology.routes["other", 80]
    with pytest.raises(ConnectFailed) as caught:
        await Session(f"http://{host}:{port}", timeout_s=10).get("/")
    assert isinstance(caught.value.reason, ConnectionRefusedError)
