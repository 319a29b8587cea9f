"""`lab bench trace` from start to end, with a few awaits and targets: every contestant runs, and every row is there."""

import asyncio
import sys

import pytest
from blockbuster import BlockBuster

from lab.bench import trace, trace_page, traced_awaits
from lab.bench.harness.rounds import Rounds
from services.runtime.run import loop_factory

FEW = Rounds(number=1, seconds=0.3, targets=20, users=(5,))


def test_each_way_to_record_has_a_row_on_both_loops(blockbuster: BlockBuster) -> None:
    """A peer that is not here has a note in its place; the goals are those of the loop."""
    blockbuster.deactivate()  # the calls that drive the browser have an event loop behind them
    result = trace.bench(FEW, lambda _: None)
    present = [name for name in trace.PEERS if trace.is_here(name)]
    expected = {}
    for loop in trace.LOOPS:
        expected[f"trace, {loop}: an await"] = [*trace.NAMES, *present]
        expected[f"trace, {loop}: a survey"] = [trace.SURVEY, trace.TRACED]
    assert {group.title: [row.subject for row in group.rows] for group in result.groups} == expected
    assert [[goal.ratio for goal in group.goals] for group in result.groups] == [
        [1.05, 2.3, 3.0],
        [1.2],
        [1.05, 1.6, 2.0],
        [1.2],
    ]
    lack = trace_page.missing()
    assert len(result.notes) == 1 + len(trace.PEERS) - len(present) + bool(lack)
    assert len(result.promises) == (0 if lack else 2)
    assert all(
        isinstance(cell, str) or (cell or 0) > 0 for table in result.tables for row in table.rows for cell in row
    )
    assert all(value > 0 for group in result.groups for row in group.rows for value in row.values)


def test_the_goals_of_the_page_are_judged_by_its_median() -> None:
    """One slow round is the machine's."""
    found = [trace_page.Shown(0.4, 60), trace_page.Shown(5.0, 31), trace_page.Shown(0.9, 3)]
    assert [each.kept for each in trace_page.goals(found, trace_page.FULL)] == [True, True]
    assert [each.kept for each in trace_page.goals(found[1:2], trace_page.FULL)] == [True, False]


@pytest.mark.parametrize("loop", trace.LOOPS)
@pytest.mark.parametrize("name", trace.NAMES.values())
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


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring came with Python 3.12")
def test_monitoring_does_all_awaits_and_ends() -> None:
    """Another tool can have its place afterwards."""
    for _ in range(2):
        asyncio.run(traced_awaits.monitored(200))
