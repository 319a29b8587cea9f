"""The gateway as a process: what it needs, what the engine asks of it, and how it ends."""

import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.gateway.__main__ import installed
from services.gateway.settings import GatewaySettings
from services.runtime.errors import BadSetting
from services.runtime.listen import Address
from services.runtime.names import LOOPS
from services.runtime.settings import Environment

TIMEOUT_S = 20.0
STARTED = re.compile(rb"from 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:\d+, health at 127\.0\.0\.1:(\d+)")


@asynccontextmanager
async def started(target: Address, **environment: str) -> AsyncIterator[tuple[Process, Address, Address]]:
    """Start the program on free ports; yield it, its address and its health's; kill it if it is left running."""
    settings = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": "0",
        "GATEWAY_HEALTH_PORT": "0",
        "GATEWAY_TARGET_HOST": target.host,
        "GATEWAY_TARGET_PORT": str(target.port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", env=os.environ | settings | environment, stdin=DEVNULL, stderr=PIPE
    )
    assert process.stderr
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not (found := STARTED.search(await process.stderr.readline())):
                assert not process.stderr.at_eof()
        yield process, Address("127.0.0.1", int(found[1])), Address("127.0.0.1", int(found[2]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def target(answer: bytes) -> AsyncIterator[tuple[Address, asyncio.Event, asyncio.Event]]:
    """Serve one answer to every line, once `go_on` is set; `asked` is set when a line came."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            asked.set()
            await go_on.wait()
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()[:2]), asked, go_on


async def ask(address: Address, request: bytes) -> bytes:
    """Return all that a request gets."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            return await reader.read()
    finally:
        writer.close()


async def closed(address: Address) -> None:
    """Return when nothing listens at an address any more."""
    with contextlib.suppress(ConnectionRefusedError):
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                with contextlib.suppress(ConnectionResetError):
                    _reader, writer = await asyncio.open_connection(*address)
                    writer.close()


def health_request(path: str) -> bytes:
    """Return what the engine's probe sends."""
    return f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()


@pytest.mark.anyio
@pytest.mark.parametrize("loop", LOOPS)
async def test_sigterm_lets_an_answer_in_flight_pass_and_exits_0(loop: str) -> None:
    """Compose's stop."""
    async with (
        target(b"late\n") as (where, asked, go_on),
        started(where, LAB_LOOP=loop) as (process, address, _health),
    ):
        answer = asyncio.ensure_future(ask(address, b"now\n"))
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        await closed(address)
        go_on.set()
        assert await answer == b"late\n"
        assert await process.wait() == 0


@pytest.mark.anyio
async def test_it_is_ready_while_its_target_can_be_reached() -> None:
    """And it is healthy all the while: what it runs in need not be started anew for hello's sake."""
    async with target(b"") as (where, _asked, _go_on):
        process = started(where)
        _process, _address, health = await process.__aenter__()
        assert (await ask(health, health_request("/readyz"))).startswith(b"HTTP/1.1 200 OK\r\n")
    try:
        unready = await ask(health, health_request("/readyz"))
        assert unready.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert unready.endswith(f"\r\n\r\n{where}: Connection refused\n".encode())
        assert (await ask(health, health_request("/healthz"))).endswith(b"\r\n\r\nok\n")
        assert (await ask(health, health_request("/metrics"))).startswith(b"HTTP/1.1 404 ")
        assert await ask(health, b"x" * 10_000 + b"\r\n\r\n") == b""
    finally:
        await process.__aexit__(None, None, None)


@pytest.mark.anyio
async def test_it_needs_no_package() -> None:
    """Its image has none: the interpreter runs it, and the health check, without site-packages."""
    program = "import services.gateway.__main__, services.runtime.probe; print('all there')"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", program, env=os.environ | {"PYTHONPATH": "."}, stdout=PIPE
    )
    said, _ = await process.communicate()
    assert said == b"all there\n"


def test_a_loop_that_is_not_installed_is_replaced_by_one_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAB_LOOP=uvloop is meant for every service, and must not keep the lab from starting."""
    assert installed("uvloop") == "uvloop"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert installed("uvloop") == "asyncio"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_TARGET_PORT", "0"),
        ("GATEWAY_MAX_CONNECTIONS", "0"),
        ("GATEWAY_CONNECT_TIMEOUT_S", "soon"),
        ("GATEWAY_IDLE_TIMEOUT_S", "nan"),
        ("LAB_LOOP", "trio"),
    ],
)
def test_a_setting_that_it_cannot_have_is_refused(name: str, value: str) -> None:
    """In one line that names it."""
    with pytest.raises(BadSetting, match=f"^{name}='{value}' is not "):
        GatewaySettings.from_environment(Environment({name: value}))
