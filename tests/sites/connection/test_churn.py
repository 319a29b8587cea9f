"""Ports that are opened and closed under load: a connection is answered or refused, and no resource is left."""

import asyncio
import contextlib
import gc
import logging
import random
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest
from aiohttp import web

from services.runtime.http import Address
from services.runtime.serving.serve import serve_app
from services.sites.faults.plan import read_plan
from tests.sites.peer import TIMEOUT_S, Peer, listen
from tests.sites.target import KEEP, sites, target_of

CHANGES = 300
LOADS = 4
ROUNDS = 20  # of the loop, between two changes


@contextlib.contextmanager
def unraisable() -> Iterator[list[str]]:
    """Collect the errors and warnings that Python gives when it frees objects."""
    ignored: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda error: ignored.append(repr(error.exc_value))
    try:
        yield ignored
        gc.collect()
    finally:
        sys.unraisablehook = before


def ask(peer: Peer) -> bytes | None:
    """Return the bytes until the end; None where the connection was refused, or reset before any byte."""
    try:
        return peer.ask(peer.get(fields="Connection: close\r\n")).data or None
    except ConnectionError:
        return None


@pytest.mark.anyio
@pytest.mark.parametrize("rounds", range(5))
async def test_a_connection_that_is_accepted_while_its_port_closes_is_answered_or_reset(
    tmp_path: Path, rounds: int
) -> None:
    """In each round of the loop."""
    with unraisable() as ignored:
        async with sites({"keep.test.http": KEEP}, tmp_path) as running:
            peer = (await target_of(running, "keep.test")).peer
            with socket.socket() as connection:
                connection.setblocking(False)
                connection.connect_ex(peer.address)  # on loopback, this is the system's work alone
                connection.settimeout(TIMEOUT_S)
                running.site.set_plan("keep.test", read_plan([{"fault": "refuse"}]))
                for _ in range(rounds):
                    await asyncio.sleep(0)
                await running.listeners.reconcile()

                def ask_on() -> bytes:
                    try:
                        connection.sendall(peer.get(fields="Connection: close\r\n"))
                        return listen(connection, len(KEEP)).data
                    except ConnectionError:
                        return b""

                assert await anyio.to_thread.run_sync(ask_on) in {b"", KEEP}
            assert await anyio.to_thread.run_sync(ask, peer) is None
    assert ignored == []


@pytest.mark.anyio
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_port_that_is_opened_and_shut_under_load_breaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, secure: bool
) -> None:
    """An accepted connection is answered, any other is refused at once; the log stays empty."""
    rounds, met, stopped = random.Random(1), Counter[bytes | None](), False
    with unraisable() as ignored:
        async with sites({"keep.test.http": KEEP}, tmp_path) as running:
            peer = (await target_of(running, "keep.test", secure=secure)).peer

            def load() -> None:
                while not stopped:
                    met[ask(peer)] += 1

            async with asyncio.TaskGroup() as group:
                for _ in range(LOADS):
                    group.create_task(anyio.to_thread.run_sync(load))
                for change in range(CHANGES):
                    running.site.set_plan("keep.test", read_plan([] if change % 2 else [{"fault": "refuse"}]))
                    await running.listeners.reconcile()
                    for _ in range(rounds.randint(0, ROUNDS)):
                        await asyncio.sleep(0)
                stopped = True
    assert ignored == []
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
    assert met.keys() <= {None, KEEP}


@pytest.mark.anyio
async def test_a_server_that_ends_under_load_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Also of an application: this happens in every container that is stopped."""

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    def load(peer: Peer, answered: Callable[[], object], stopped: threading.Event) -> None:
        while not stopped.is_set():
            if ask(peer):
                answered()

    with unraisable() as ignored:
        for _again in range(20):
            app = web.Application()
            app.add_routes([web.get("/", hello)])
            answered, stopped = asyncio.Event(), threading.Event()
            tell = partial(asyncio.get_running_loop().call_soon_threadsafe, answered.set)
            async with asyncio.TaskGroup() as group:
                async with serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address:
                    for _ in range(LOADS):
                        group.create_task(anyio.to_thread.run_sync(load, Peer(address, "keep.test"), tell, stopped))
                    await answered.wait()
                stopped.set()
    assert ignored == []
    assert [record.getMessage() for record in caplog.records] == []
