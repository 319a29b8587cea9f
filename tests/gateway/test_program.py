"""The gateway as a process: its needs, its health check, and its end."""

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
from services.runtime.http import Address
from services.runtime.settings import LOOPS, Environment

TIMEOUT_S = 20.0
STARTED = re.compile(rb"from 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:\d+, health at 127\.0\.0\.1:(\d+)")


@asynccontextmanager
async def started(target: Address, **environment: str) -> AsyncIterator[tuple[Process, Address, Address]]:
    """Start the program on free ports; yield it, its address and that of its health check; kill it if it still runs."""
    settings = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": "0",
        "GATEWAY_HEALTH_PORT": "0",
        "GATEWAY_PROXY_PORT": "0",
        "GATEWAY_PAGE_PORT": "0",
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
    """Serve one answer for each line, once `go_on` is set; `asked` is set when a line came."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            asked.set()
            await go_on.wait()
            writer.write(answer)
        writer.close()  # at once where the connection was only tried

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()[:2]), asked, go_on


async def ask(address: Address, request: bytes) -> bytes:
    """Return all bytes of the response to a request."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            return await reader.read()
    finally:
        writer.close()


async def closed(address: Address) -> None:
    """Return when no program listens at an address any more."""
    with contextlib.suppress(ConnectionRefusedError):
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                with contextlib.suppress(ConnectionResetError):
                    _reader, writer = await asyncio.open_connection(*address)
                    writer.close()


def health_request(path: str) -> bytes:
    """Return the request of the engine's health check."""
    return f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()


@pytest.mark.anyio
@pytest.mark.parametrize("loop", LOOPS)
async def test_sigterm_lets_an_answer_in_flight_pass_and_exits_0(loop: str) -> None:
    """As Compose stops it. Connections that come while the port closes do not delay the end."""
    async with (
        target(b"late\n") as (where, asked, go_on),
        started(where, LAB_LOOP=loop, GATEWAY_DRAIN_S="3600") as (process, address, _health),
    ):
        answer = asyncio.ensure_future(ask(address, b"now\n"))
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        await closed(address)
        go_on.set()
        assert await answer == b"late\n"
        async with asyncio.timeout(TIMEOUT_S):
            assert await process.wait() == 0


@pytest.mark.anyio
async def test_it_is_ready_although_its_target_does_not_answer() -> None:
    """hello has its own health check for that."""
    async with target(b"") as (gone, _asked, _go_on):
        pass
    async with started(gone) as (_process, address, health):
        assert await ask_or_reset(address) == b""
        for path in ("/readyz", "/healthz"):
            answer = await ask(health, health_request(path))
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\nok\n")
        assert (await ask(health, health_request("/metrics"))).startswith(b"HTTP/1.1 404 ")
        assert (await ask(health, b"POST /readyz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 404 ")


@pytest.mark.anyio
async def test_a_health_request_without_an_end_is_not_read_on() -> None:
    """A head has a limit of bytes."""
    async with target(b"") as (where, _asked, _go_on), started(where) as (_process, _address, health):
        assert await ask_or_reset(health, b"x" * 100_000) == b""


async def ask_or_reset(address: Address, request: bytes = b"") -> bytes:
    """Return all bytes of the response to a request; none where the connection is reset."""
    try:
        return await ask(address, request)
    except ConnectionResetError:
        return b""


@pytest.mark.anyio
async def test_it_needs_no_package() -> None:
    """The interpreter runs it, and the health check, without site-packages, as in its image."""
    program = "import services.gateway.__main__, services.runtime.serving.healthcheck; print('all there')"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", program, env=os.environ | {"PYTHONPATH": "."}, stdout=PIPE
    )
    said, _ = await process.communicate()
    assert said == b"all there\n"


def test_a_loop_that_is_not_installed_is_replaced_by_one_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAB_LOOP=uvloop is set for all services, and the gateway starts all the same."""
    assert installed("uvloop") == "uvloop"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert installed("uvloop") == "asyncio"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_TARGET_PORT", "0"),
        ("GATEWAY_MAX_CONNECTIONS", "0"),
        ("GATEWAY_PROXY_PORT", "65536"),
        ("GATEWAY_HOSTS", "a=b=c"),
        ("GATEWAY_HOSTS", "http://a"),
        ("GATEWAY_HOSTS", "=b"),
        ("GATEWAY_NAMES", "a:80"),
        ("GATEWAY_CONNECT_TIMEOUT_S", "soon"),
        ("GATEWAY_IDLE_TIMEOUT_S", "nan"),
        ("LAB_LOOP", "trio"),
    ],
)
def test_a_setting_that_it_cannot_have_is_refused(name: str, value: str) -> None:
    """With one line that names the variable."""
    with pytest.raises(BadSetting, match=f"^{name}='{value}' is not "):
        GatewaySettings.from_environment(Environment({name: value}))
