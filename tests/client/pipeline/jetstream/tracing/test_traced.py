"""Runs over a broker that are traced: what workers do is in the trace, also what one did that was killed."""

import asyncio
import json
import signal
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.items import NumberItems
from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.edition import recorded
from services.client.pipeline.jetstream.run import Run, decode_run
from services.client.pipeline.jetstream.tracing.lanes import KILLED
from services.client.pipeline.jetstream.tracing.told import Ended, decode_told
from services.client.pipeline.jetstream.worker import command
from services.client.pipeline.options import JETSTREAM, Options
from services.client.pipeline.recorded import recorder_of
from services.client.pipeline.stages import Item, Result, reply_to
from services.client.settings import ClientSettings
from services.client.trace.chrome.file import recording_to, trace_file
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Outcome, Trace
from services.client.trace.recording import Recording
from services.runtime.run import Stop, running_loop_name
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.runs import Outcome as RunOutcome
from tests.client.pipeline.jetstream.runs import new_outcome, program, reply, run_items, worker
from tests.client.trace.chrome.format_rules import events_of_file, violations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def traced(broker: BrokerSettings, count: int, path: Path, *, outcome: RunOutcome, **options: object) -> Trace:
    """Run the edition with a recording in a file, and return what is in the file."""
    recording = Recording("pipeline")
    edition = recorded(recorder_of(JETSTREAM, recording, titled=False), recording.feeds)
    async with recording_to(lambda: trace_file(str(path)), recording.feeds):
        await edition(
            NumberItems(count),
            lambda: reply,
            outcome.emit,
            ledger=outcome.ledger,
            options=Options(edition=JETSTREAM, items=count, queue_size=200, **options),  # type: ignore[arg-type]
            settings=ClientSettings(broker=broker),
        )
    assert violations(events_of_file(await asyncio.to_thread(path.read_text))) == []
    return await asyncio.to_thread(read_trace, path)


async def test_each_job_is_a_lane_of_its_worker(broker: Broker, tmp_path: Path) -> None:
    """With an arrow from where the producer puts it; each worker is a process, and the depth is that of open jobs."""
    outcome = new_outcome()
    settings = broker.settings()
    async with worker(settings, name="one"), worker(settings, name="two"):
        trace = await traced(settings, 60, tmp_path / "t.json", outcome=outcome)
    outcome.check(60)
    producer, *workers = trace.processes
    assert {each.name for each in workers} <= {"worker one", "worker two"}  # one may be quick enough for all
    assert {each.loop for each in trace.processes} == {running_loop_name()}
    lanes = [task for task in trace.tasks if task.process != producer.id]
    assert sorted(task.name for task in lanes) == sorted(f"job {number}" for number in range(1, 61))
    assert {(task.outcome, task.note, task.ok) for task in lanes} == {(Outcome.RETURNED, "200 OK", True)}
    assert sorted(each.name for each in trace.hand_offs) == sorted(task.name for task in lanes)
    producers = {task.id: task.name for task in trace.tasks if task.process == producer.id}
    assert {(each.from_process, producers[each.from_task], each.kind) for each in trace.hand_offs} == {
        (producer.id, "producer", "handoff")
    }
    assert all(each.from_s <= each.to_s for each in trace.hand_offs)
    assert {each.queue for each in trace.depths} == {"jobs"}
    assert trace.depths[-1].depth == 0
    assert max(each.depth for each in trace.depths) <= 200
    assert all(each.dropped.events == 0 for each in trace.processes)


async def test_a_job_of_a_killed_worker_has_two_lanes_and_an_arrow(broker: Broker, tmp_path: Path) -> None:
    """The first lane ends where the second begins, in red; the second one is another process's."""
    outcome, settings, path = new_outcome(), broker.settings(), tmp_path / "t.json"
    has_told, begun = asyncio.Event(), set[int]()

    def note(message: Msg) -> None:
        begun.update(job.id for job in decode_told(message.data).jobs)
        if len(begun) == 16:
            has_told.set()

    async with (
        program("worker", settings.url, "holding", "held") as held,
        connect(settings, name="listener") as connection,
        asyncio.TaskGroup() as group,
    ):
        await connection.subscribe("trace.>", note)
        running = group.create_task(traced(settings, 20, path, outcome=outcome))
        await has_told.wait()
        held.process.kill()
        await held.process.wait()
        async with worker(settings, name="other"):
            trace = await running
    outcome.check(20)
    killed, other = (
        next(each.id for each in trace.processes if each.name == f"worker {name}") for name in ("held", "other")
    )
    again = [each for each in trace.hand_offs if each.kind == "redelivery"]
    assert len(again) >= 1
    assert {(each.from_process, each.to_process) for each in again} == {(killed, other)}
    lanes = {(task.process, task.id): task for task in trace.tasks}
    for each in again:
        first, second = lanes[killed, each.from_task], lanes[other, each.to_task]
        assert first.name == second.name == each.name
        assert (first.outcome, first.note, first.ok) == (Outcome.CANCELLED, KILLED, False)
        assert (second.outcome, second.note) == (Outcome.RETURNED, "200 OK")
    assert {mark.process for mark in trace.marks if mark.kind == "redelivery"} == {other}


async def test_work_that_fails_ends_its_lane_with_the_error(broker: Broker, tmp_path: Path) -> None:
    """And is delivered again: an arrow leads from the end of one lane to the next."""
    failed: set[int] = set()

    async def work(item: Item) -> Result:
        if item.id == 3 and not failed:
            failed.add(item.id)
            raise OSError("of a test")
        return reply_to(item)

    outcome, settings = new_outcome(), broker.settings()
    async with worker(settings, work):
        trace = await traced(settings, 5, tmp_path / "t.json", outcome=outcome)
    first, second = (task for task in trace.tasks if task.name == "job 3")
    assert (first.outcome, first.note, first.ok) == (Outcome.RAISED, "OSError: of a test", False)
    assert (second.outcome, second.ok) == (Outcome.RETURNED, True)
    (again,) = (each for each in trace.hand_offs if each.kind == "redelivery")
    assert (again.from_task, again.to_task) == (first.id, second.id)
    assert again.from_s == pytest.approx(first.end_s)


async def test_of_a_run_that_is_not_traced_nothing_is_told(broker: Broker) -> None:
    """Neither a message, nor a word in its entry: a worker that knows of no traces reads it."""
    settings, heard = broker.settings(), list[bytes]()
    async with connect(settings, name="listener") as connection, worker(settings):
        await connection.subscribe("trace.>", lambda message: heard.append(message.data))
        entries: list[bytes] = []
        await connection.subscribe("runs.>", lambda message: entries.append(message.data))
        await connection.flush(5)
        await run_items(settings, 30, outcome=new_outcome())
        await connection.flush(5)
    assert heard == []
    assert any(entries)
    assert all("traced" not in json.loads(entry) for entry in entries if entry)


async def test_a_worker_of_a_run_is_told_when_another_program_traces_it(broker: Broker, tmp_path: Path) -> None:
    """A run that was begun without a trace goes on with one: its workers work at it already."""
    settings, begun, go_on = broker.settings(), asyncio.Event(), asyncio.Event()
    told: list[Ended] = []

    async def work(item: Item) -> Result:
        begun.set()
        await go_on.wait()
        return reply_to(item)

    def note(message: Msg) -> None:
        told.extend(job for job in decode_told(message.data).jobs if isinstance(job, Ended))

    def let_go_on(entry: Msg) -> None:
        if b'"traced"' in entry.data:  # the producer subscribes next, which no message tells
            asyncio.get_running_loop().call_later(1.0, go_on.set)

    async with connect(settings, name="listener") as connection, worker(settings, work, concurrency=2):
        await connection.subscribe("trace.r1", note)
        first = asyncio.ensure_future(run_items(settings, 40, outcome=new_outcome(), run="r1"))
        await begun.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await connection.subscribe("runs.r1", let_go_on)
        outcome = new_outcome()
        trace = await traced(settings, 40, tmp_path / "t.json", outcome=outcome, run="r1")
    outcome.check(40)
    assert told
    assert {task.outcome for task in trace.tasks if task.name.startswith("job ")} == {Outcome.RETURNED}


def test_a_run_says_whether_it_is_traced() -> None:
    """Only where it is: others are as they were before there were traces."""
    plain = Run("r", "-n 1", None, 1, 0, 1, 1, 30.0, 5)
    assert b"traced" not in plain.encode()
    assert decode_run(plain.encode()) == plain
    on = Run("r", "-n 1", None, 1, 0, 1, 1, 30.0, 5, traced=True)
    assert decode_run(on.encode()) == on


async def test_a_worker_records_itself(broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of runs that are not traced, too: its consumers are lanes, with a phase for each job."""
    file, stop, settings = tmp_path / "worker.json", Stop(), ClientSettings(broker=broker.settings())
    async with asyncio.TaskGroup() as group:
        working = group.create_task(command.main(command.Options(concurrency=2, trace=str(file)), settings, stop))
        await run_items(broker.settings(), 20, outcome=new_outcome())
        stop.ask(signal.SIGTERM)
    assert working.result() == 0
    trace = await asyncio.to_thread(read_trace, file)
    assert sorted(each.name for each in trace.phases) == sorted(f"item {number}" for number in range(1, 21))
    assert [each.program for each in trace.processes] == ["worker"]
    assert violations(events_of_file(await asyncio.to_thread(file.read_text))) == []
    assert "trace: " in capsys.readouterr().err
