"""What a recorder notes besides slices: errors, cancellations, groups, calls that hold the loop, what it is told."""

import asyncio
import time
import traceback

import pytest

from services.client.trace.model import MAX_TEXT, Blocking, Outcome
from services.client.trace.pieces import Ended, piece_of_work
from services.client.trace.recorder import Recorder
from tests.client.trace.tracing import by_name, recorded

pytestmark = pytest.mark.anyio

HELD_S = 0.02


def hold_the_loop(seconds: float) -> None:
    """Compute for a while, as no await would."""
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        pass


class Hostile(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "ValueError: no"),
        (KeyError(), "KeyError"),
        (Hostile(), "Hostile"),
        (OSError(2, "gone"), "FileNotFoundError: [Errno 2] gone"),
        (RuntimeError("x" * 1_000), "RuntimeError: " + "x" * (MAX_TEXT - 15) + "…"),
    ],
    ids=repr,
)
async def test_a_task_that_raises_says_what(error: Exception, text: str) -> None:
    """In the task, and as a mark before its end; in so many characters at most."""

    async def raises() -> None:
        await asyncio.sleep(0)
        raise error

    async def main() -> None:
        with pytest.raises(type(error)):
            await asyncio.create_task(raises(), name="raises")

    trace = await recorded(main())
    task = by_name(trace)["raises"]
    assert (task.outcome, task.error) == (Outcome.RAISED, text)
    [mark] = trace.marks
    assert (mark.task, mark.kind, mark.text) == (task.id, "error", text)
    assert task.end_s is not None
    assert task.begin_s < mark.at_s <= task.end_s


async def test_a_traceback_has_no_frame_of_the_recorder() -> None:
    """Neither of an error nor of a cancellation."""

    async def raises() -> None:
        await asyncio.sleep(0)
        raise ValueError

    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        waiting = asyncio.create_task(waits())
        for work in (asyncio.create_task(raises()), waiting):
            try:
                await work
            except (ValueError, asyncio.CancelledError) as error:
                files = {each.filename.rpartition("/")[2] for each in traceback.extract_tb(error.__traceback__)}
                assert "recorded.py" not in files
            waiting.cancel()

    await recorded(main())


async def test_a_cancellation_is_a_mark_even_if_the_task_goes_on() -> None:
    """With the text that was given with it; how the task ended is another thing."""

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task
            task.uncancel()
        await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(goes_on(), name="goes on")
        await asyncio.sleep(0)
        task.cancel("enough")
        await task

    trace = await recorded(main())
    task = by_name(trace)["goes on"]
    assert task.outcome is Outcome.RETURNED
    assert [(mark.task, mark.kind, mark.text) for mark in trace.marks] == [(task.id, "cancel", "enough")]


async def test_a_task_knows_the_group_that_it_is_of() -> None:
    """One task makes another in the group of a third: the maker is its parent, and the third has the group."""

    async def makes(group: asyncio.TaskGroup) -> None:
        group.create_task(asyncio.sleep(0), name="made")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(makes(group), name="makes")
        await asyncio.create_task(asyncio.sleep(0), name="of none")

    tasks = by_name(await recorded(main()))
    assert {name: (task.parent, task.group) for name, task in tasks.items()} == {
        "main": (None, None),
        "makes": (1, 1),
        "made": (tasks["makes"].id, 1),
        "of none": (1, None),
    }


def told(blockings: tuple[Blocking, ...]) -> list[tuple[int | None, str]]:
    """Return which task held the loop, and in which function."""
    return [(each.task, each.function) for each in blockings]


async def test_a_task_that_holds_the_loop_is_named_with_the_line() -> None:
    """The line of the call in the person's code, for as long as the task ran; and the lag shows that it was late."""

    async def holds() -> None:
        await asyncio.sleep(0)
        hold_the_loop(20 * HELD_S)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(holds(), name="holds")
            group.create_task(asyncio.sleep(0), name="does not")

    trace = await recorded(main(), Recorder(held_s=HELD_S))
    assert told(trace.blockings) == [(by_name(trace)["holds"].id, hold_the_loop.__name__)]
    [held] = trace.blockings
    file, _, line = held.place.partition(":")
    assert file == "trace/test_events.py"
    first = hold_the_loop.__code__.co_firstlineno
    assert int(line) in {first + 3, first + 4}
    longest = max(by_name(trace)["holds"].slices, key=lambda each: each.end_s - each.begin_s)
    assert (held.begin_s, held.end_s) == (longest.begin_s, longest.end_s)
    assert max(each.lag_s for each in trace.lags) > HELD_S


async def test_a_callback_that_holds_the_loop_is_named_too() -> None:
    """It is no task; its time is as exact as the samples are frequent."""

    async def main() -> None:
        done = asyncio.Event()

        def callback() -> None:
            hold_the_loop(20 * HELD_S)
            done.set()

        asyncio.get_running_loop().call_soon(callback)
        await done.wait()

    trace = await recorded(main(), Recorder(held_s=HELD_S))
    assert (None, hold_the_loop.__name__) in told(trace.blockings)
    longest = max(trace.blockings, key=lambda each: each.end_s - each.begin_s)
    assert longest.end_s - longest.begin_s > HELD_S


async def test_what_is_quick_holds_nothing() -> None:
    """Many short slices are no long one."""

    async def main() -> None:
        for _ in range(2_000):
            await asyncio.sleep(0)

    assert (await recorded(main(), Recorder(held_s=5))).blockings == ()


async def test_a_lane_has_what_a_task_does_in_it() -> None:
    """A task that makes several fetches has a lane for each, and none for itself."""
    recorder = Recorder()

    async def works() -> None:
        for name in ("a", "b"):
            lane = recorder.lane(name)
            with recorder.running_in(lane), recorder.phase("waits"):
                await asyncio.sleep(0)
                recorder.mark("retry", "again")
            lane.finish("200 OK", ok=True)
            lane.ended(recorder.total_s, Outcome.RETURNED)

    with recorder.recording():
        await asyncio.create_task(recorder.followed(works()))
    trace = recorder.trace()
    assert [(task.name, task.note, task.outcome) for task in trace.tasks] == [
        ("a", "200 OK", Outcome.RETURNED),
        ("b", "200 OK", Outcome.RETURNED),
    ]
    for task, phase, mark in zip(trace.tasks, trace.phases, trace.marks, strict=True):
        assert [each.kind for each in task.slices] == ["turn", ""]
        assert (phase.task, mark.task) == (task.id, task.id)
        assert task.end_s is not None
        assert task.begin_s <= task.slices[0].begin_s <= phase.begin_s <= mark.at_s <= phase.end_s <= task.end_s
    assert trace.tasks[0].end_s is not None
    assert trace.tasks[0].end_s <= trace.tasks[1].begin_s
    assert trace.dropped.slices == 0


async def test_depths_points_and_hand_offs_are_of_the_running_task() -> None:
    """What a pipeline tells of itself."""
    recorder = Recorder()

    async def main() -> None:
        given = recorder.point()
        recorder.depth("items", 1)
        await asyncio.sleep(0)
        taken = recorder.point()
        assert given
        assert taken
        recorder.handed_off("job 1", given, taken)

    trace = await recorded(main(), recorder)
    [depth], [hand_off] = trace.depths, trace.hand_offs
    assert (depth.queue, depth.depth) == ("items", 1)
    assert (hand_off.from_task, hand_off.to_task, hand_off.kind) == (1, 1, "handoff")
    assert hand_off.from_s < depth.at_s < hand_off.to_s
    assert recorder.point() is None


async def test_a_piece_of_work_says_how_it_ended() -> None:
    """As a phase with a note; where nothing is recorded, it is nothing."""
    recorder = Recorder()

    async def main() -> None:
        for name, ended in (("a", Ended("200 OK", ok=True)), ("b", Ended("reset", ok=False))):
            with piece_of_work(recorder, name) as piece:
                piece.ended = ended
        with piece_of_work(None, "c") as piece:
            piece.ended = Ended("", ok=True)

    trace = await recorded(main(), recorder)
    assert [(each.name, each.note, each.ok) for each in trace.phases] == [("a", "200 OK", True), ("b", "reset", False)]


async def test_events_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tasks, slices and phases are."""
    monkeypatch.setattr("services.client.trace.tasks.notes.MAX_EVENTS", 2)
    recorder = Recorder()

    async def main() -> None:
        for number in range(5):
            recorder.mark("retry", f"{number}")

    trace = await recorded(main(), recorder)
    assert [mark.text for mark in trace.marks] == ["0", "1"]
    assert trace.dropped.events == 3
