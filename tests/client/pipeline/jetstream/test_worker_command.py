"""`client worker` waits for its broker, however long, and ends at a stop in any case."""

import asyncio
import signal

import pytest

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.jetstream.broker.errors import NoBroker
from services.client.pipeline.jetstream.worker import command, serve
from services.client.pipeline.jetstream.worker.command import Options, answering, main
from services.client.settings import ClientSettings
from services.runtime.run import Stop
from tests.ports import held_port

pytestmark = pytest.mark.anyio


async def test_a_stop_ends_the_waiting_and_one_line_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0: no job was in hand."""
    monkeypatch.setattr(command, "TOLD_AFTER_S", 0.0)
    monkeypatch.setattr(command, "MAX_PAUSE_S", 0.01)
    tried, stop = asyncio.Queue[bool](), Stop()

    async def listens(broker: BrokerSettings) -> bool:
        found = await reached(broker)
        tried.put_nowait(found)
        return found

    reached = command.listens
    monkeypatch.setattr(command, "listens", listens)
    with held_port() as port:
        broker = BrokerSettings(f"nats://127.0.0.1:{port}", password="x" * 20)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(main(Options(), ClientSettings(broker=broker), stop))
            assert [await tried.get() for _ in range(5)] == [False] * 5
            stop.ask(signal.SIGTERM)
    assert working.result() == 0
    assert capsys.readouterr().err == f"worker: nothing answers at {broker.url}: waiting for the broker\n"


async def test_it_goes_on_when_the_broker_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without having been told."""
    monkeypatch.setattr(command, "MAX_PAUSE_S", 0.01)
    with held_port() as port:
        waiting = asyncio.ensure_future(answering(BrokerSettings(f"nats://127.0.0.1:{port}")))
        async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port):
            assert await waiting == 0


class Waiting:
    """Whether a stand-in for the work waits for its broker."""

    broker: asyncio.Event


WAITING = Waiting()


async def is_there(_broker: BrokerSettings) -> bool:
    """Say that the broker listens."""
    return True


async def wait_for_ever(*_words: object, **_options: object) -> None:
    """Stand in for the work at a broker that does not come back."""
    WAITING.broker.set()
    await asyncio.Event().wait()


async def test_a_stop_is_soon_over_where_the_broker_has_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broker that was there is waited for, but not after a stop: the engine would kill the container."""
    monkeypatch.setattr(command, "STOP_S", 0.05)
    monkeypatch.setattr(command, "listens", is_there)
    monkeypatch.setattr(serve, "serve", wait_for_ever)
    stop, WAITING.broker = Stop(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        working = group.create_task(main(Options(), ClientSettings(broker=BrokerSettings("nats://broker:4222")), stop))
        await WAITING.broker.wait()
        stop.ask(signal.SIGTERM)
    assert working.result() == 0
    assert capsys.readouterr().err == "worker: the broker is away: it will deliver again what was in hand\n"


async def test_a_worker_without_a_broker_named_is_one_line() -> None:
    """It says how to get one."""
    with pytest.raises(NoBroker, match="lab up"):
        await main(Options(), ClientSettings(), Stop())
