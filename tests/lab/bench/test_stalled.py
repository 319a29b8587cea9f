"""The bench of stalled connections, with a few of them."""

from lab.bench import stalled
from lab.bench.harness.rounds import QUICK


def test_held_connections_are_counted_and_the_journal_adds_up() -> None:
    """Kept and dropped entries together are all entries."""
    (group,) = stalled.bench(QUICK._replace(stalled=20, requests=1_000), lambda _: None).groups
    figures = {row.subject: row.median for row in group.rows}
    assert figures["connections stalled"] == 20
    assert figures["requests"] == 1_000
    assert figures["journal: kept + dropped - total"] == 0
    assert figures["journal: total"] > 1_000
