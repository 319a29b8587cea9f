"""`lab bench trace` from start to end, with a few awaits and targets: every contestant runs, and every row is there."""

import asyncio
import sys

import pytest
from blockbuster import BlockBuster

from lab.bench.harness.rounds import Rounds
from lab.bench.trace import awaits, clocked, page, result, surveys, traced_awaits
from services.runtime.run import loop_factory
from tests.lab.bench.goals import every_ceiling_is_measured

FEW = Rounds(number=1, seconds=0.3, targets=20, users=(5,))


def test_each_way_to_record_has_a_row_on_both_loops(blockbuster: BlockBuster) -> None:
    """A peer that is not here has a note in its place; the goals are those of the loop."""
    blockbuster.deactivate()  # the calls that drive the browser have an event loop behind them
    found = result.bench(FEW, lambda _: None)
    expected = {}
    for loop in result.LOOPS:
        expected[f"trace, {loop}: an await"] = [*awaits.NAMES, *awaits.present()]
        expected[f"trace, {loop}: a survey"] = [*surveys.NAMES]
    assert {group.title: [row.subject for row in group.rows] for group in found.groups} == expected
    assert [[goal.ratio for goal in group.goals] for group in found.groups] == [
        [1.05, 2.3, 3.0],
        [1.2],
        [1.05, 1.6, 2.0],
        [1.2],
    ]
    assert every_ceiling_is_measured(found)
    lack = page.missing()
    assert len(found.notes) == 1 + len(awaits.missing()) + bool(lack)
    assert len(found.promises) == (0 if lack else 2)
    assert all(isinstance(cell, str) or (cell or 0) > 0 for table in found.tables for row in table.rows for cell in row)
    assert all(value > 0 for group in found.groups for row in group.rows for value in row.values)


def test_the_goals_of_the_page_are_judged_by_its_median() -> None:
    """One slow round is the machine's."""
    found = [page.Shown(opened_s, frames, 0.1, 60) for opened_s, frames in ((0.4, 60), (5.0, 31), (0.9, 3))]
    assert [each.kept for each in page.goals(found, page.FULL)] == [True, True]
    assert [each.kept for each in page.goals(found[1:2], page.FULL)] == [True, False]


@pytest.mark.parametrize("loop", result.LOOPS)
@pytest.mark.parametrize("name", awaits.NAMES.values())
def test_each_contestant_does_all_awaits(name: str, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that left some out would be cheap."""
    done = 0
    sleep = asyncio.sleep

    async def counted(delay: float) -> None:
        nonlocal done
        done += 1
        await sleep(delay)

    monkeypatch.setattr(asyncio, "sleep", counted)
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(traced_awaits.CONTESTANTS[name][1](200))
    assert done == 200


@pytest.mark.parametrize("loop", result.LOOPS)
def test_a_clocked_task_returns_raises_and_is_cancelled_as_any_other(loop: str) -> None:
    """The wrapper only reads the clock: the client ends by its exit code, and its tasks by cancellation."""
    seen: list[str] = []

    async def work(ending: str) -> str:
        try:
            await asyncio.sleep(0 if ending else 60)
            assert ending != "raises"
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # it may wait while it ends
            seen.append("cancelled")
            raise
        return ending

    async def main() -> list[object]:
        asyncio.get_running_loop().set_task_factory(clocked.clocked_task)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(work(ending)) for ending in ("returns", "raises", "")]
        await asyncio.wait(tasks[:2])
        tasks[2].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        returned, raised, cancelled = runner.run(main())
    assert returned == "returns"
    assert isinstance(raised, AssertionError)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert seen == ["cancelled"]


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring came with Python 3.12")
def test_monitoring_does_all_awaits_and_ends() -> None:
    """Another tool can have its place afterwards."""
    for _ in range(2):
        asyncio.run(traced_awaits.monitored(200))
