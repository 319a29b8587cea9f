"""What is made of the figures of a turn under load."""

import pytest

from lab.bench.harness.load.loaded import Sample, busy_side, busy_table, groups_of

TURNS = {"services.it": [Sample(1_000, 50, 10, 0.99, 0.2, 30)], "a peer": [Sample(500, 20, 10, 0.4, 0.98, 3)]}


@pytest.mark.parametrize(
    ("server", "load", "side"),
    [
        (0.98, 0.3, "the server"),
        (0.4, 0.97, "the load"),
        (0.95, 0.95, "the server and the load"),
        (0.5, 0.5, "neither"),
        (1.5, 0.45, "all cores"),
    ],
)
def test_the_busy_side_is_the_one_whose_core_is_full(server: float, load: float, side: str) -> None:
    """Two workers share both cores with the load."""
    assert busy_side(server, load, cores=2) == side


def test_a_turn_gives_rate_cost_memory_and_who_was_busy() -> None:
    rate, cost, memory = groups_of("it", TURNS, reference="a peer")
    assert [row.median for row in rate.rows] == [1_000, 500]
    assert [row.median for row in cost.rows] == [50, 20]
    assert [row.median for row in memory.rows] == [30, 3]
    assert [row.ours for row in rate.rows] == [True, False]
    table = busy_table("it", TURNS, cores=2)
    assert [(row[0], row[-1]) for row in table.rows] == [("services.it", "the server"), ("a peer", "the load")]
