"""Brokers that cannot be used, and what is told of one that is wrong: one line, and the documented exit code."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from services.client.broker_settings import BrokerSettings, NoPassword
from services.client.pipeline.jetstream.broker.errors import (
    BrokerAbsent,
    BrokerLost,
    BrokerRefuses,
    NoBroker,
)
from services.runtime.errors import BadSetting
from services.runtime.settings import Environment
from tests.client.pipeline.jetstream.brokers import QUICK, Broker
from tests.client.pipeline.jetstream.runs import error_of, new_outcome, run_items, until, worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
SOON = replace(QUICK, connect_s=2.0, gone_s=2.0)


async def test_no_broker_is_named() -> None:
    """One line says how to get one."""
    with pytest.raises(NoBroker, match="BROKER_URL"):
        await run_items(None, 5, outcome=new_outcome())  # type: ignore[arg-type]


async def test_no_broker_answers(broker: Broker) -> None:
    """A bounded wait, and exit 4."""
    await asyncio.to_thread(broker.kill)
    error = await error_of(run_items(broker.settings(SOON), 5, outcome=new_outcome()))
    assert isinstance(error, BrokerAbsent)
    assert error.exit_code == 4
    assert "within 2 s (Connection refused)" in str(error)


async def test_the_broker_goes_away_for_good(broker: Broker) -> None:
    """A bounded wait, and exit 1; what is unfinished is known."""
    outcome = new_outcome(after=100)
    async with AsyncExitStack() as stack:
        tuning = replace(QUICK, gone_s=6.0)  # a busy disk takes seconds for an answer
        running = asyncio.ensure_future(run_items(broker.settings(tuning), 100_000, outcome=outcome))
        await stack.enter_async_context(worker(broker.settings()))
        await until(outcome.reached, running)
        await asyncio.to_thread(broker.kill)
        error = await error_of(running)
        await asyncio.to_thread(broker.start)
    assert isinstance(error, BrokerLost)
    assert error.exit_code == 1
    assert outcome.ledger.unfinished


async def test_a_wrong_password(broker: Broker) -> None:
    """It is refused at once, without waiting for a better one."""
    error = await error_of(run_items(broker.settings(password="another"), 5, outcome=new_outcome()))  # noqa: S106
    assert isinstance(error, BrokerRefuses)
    assert error.exit_code == 2
    assert "refuses the password of 'asynclab'" in str(error)


async def test_no_password_where_one_is_needed(broker: Broker) -> None:
    """The same: the broker knows no user without one."""
    assert isinstance(await error_of(run_items(broker.settings(password=""), 5, outcome=new_outcome())), BrokerRefuses)


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe", b"x" * 4097], ids=["absent", "empty", "no text", "too large"]
)
async def test_the_file_of_the_password_cannot_be_used(broker: Broker, tmp_path: Path, content: bytes | None) -> None:
    """Exit 3, with the name of the file."""
    file = tmp_path / "password"
    if content is not None:
        await asyncio.to_thread(file.write_bytes, content)
    error = await error_of(run_items(replace(broker.settings(), password_file=file), 5, outcome=new_outcome()))
    assert isinstance(error, NoPassword)
    assert error.exit_code == 3
    assert str(file) in str(error)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no file without an end")
def test_the_file_of_the_password_has_no_end() -> None:
    """So much of it is read, and no more."""
    with pytest.raises(NoPassword, match="/dev/zero: the broker's password is larger than 4,096 bytes"):
        BrokerSettings("nats://broker:4222", Path("/dev/zero")).read_password()


@pytest.mark.parametrize("host", ["[:::]", "[1::2::3]", "[1:2]", "[.]", "[::1.2.3.256]", "[" + "1:" * 40 + "]"])
def test_an_address_that_is_none(host: str) -> None:
    """Exit 2, with what is expected."""
    with pytest.raises(BadSetting, match="a broker's URL") as raised:
        BrokerSettings.from_environment(Environment({"BROKER_URL": f"nats://{host}:1"}))
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("host", ["[::]", "[::1]", "[1:2:3:4:5:6:7:8]", "[::ffff:127.0.0.1]", "127.0.0.1", "broker"])
def test_an_address_that_is_one(host: str) -> None:
    """It is kept as it is written."""
    settings = BrokerSettings.from_environment(Environment({"BROKER_URL": f"nats://{host}:1"}))
    assert settings is not None
    assert settings.url == f"nats://{host}:1"


@asynccontextmanager
async def old_broker(version: str) -> AsyncIterator[int]:
    """Have a peer that says what nats-server of a version says to a new connection."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO " + json.dumps({"version": version, "max_payload": 1 << 20}).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_broker_without_jetstream(broker: Broker) -> None:
    """One line, after a moment in which it might still be starting."""
    await asyncio.to_thread(broker.kill)
    broker.jetstream = False
    await asyncio.to_thread(broker.start)
    error = await error_of(run_items(broker.settings(), 5, outcome=new_outcome()))
    assert isinstance(error, BrokerRefuses)
    assert "has no JetStream" in str(error)


@pytest.mark.parametrize("info", [b"null", b"[]", b"x" * 200_000], ids=["null", "list", "long"])
async def test_what_answers_is_no_broker(broker: Broker, info: bytes) -> None:
    """The same as no answer: a bounded wait, and exit 4."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO " + info + b"\r\n")
        with suppress(ConnectionError):  # what is too long is not read to its end
            await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await error_of(run_items(broker.settings(SOON, port=port), 5, outcome=new_outcome()))
    assert isinstance(error, BrokerAbsent)
    assert "what answers is no broker" in str(error)


@pytest.mark.parametrize("version", ["2.9.10", "2.10.22", "1.4.1", "unknown"])
async def test_a_broker_that_is_too_old(broker: Broker, version: str) -> None:
    """Known to lose streams in a crash: refused in one line."""
    async with old_broker(version) as port:
        error = await error_of(run_items(broker.settings(port=port), 5, outcome=new_outcome()))
    assert isinstance(error, BrokerRefuses)
    assert "2.10.23 or newer" in str(error)
