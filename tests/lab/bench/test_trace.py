"""`lab bench trace` from start to end, with a few awaits and targets: every contestant runs, and every row is there."""

import asyncio
import sys

import pytest

from lab.bench import trace, traced_awaits
from lab.bench.harness.rounds import Rounds
from services.runtime.run import loop_factory

FEW = Rounds(number=1, seconds=0.3, targets=20, users=(5,))


@pytest.mark.alone  # it measures
def test_each_way_to_record_has_a_row_on_both_loops() -> None:
    """A peer that is not here has a note in its place; the goals are those of the loop."""
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
    assert len(result.notes) == 1 + len(trace.PEERS) - len(present)
    assert all(value > 0 for group in result.groups for row in group.rows for value in row.values)


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
