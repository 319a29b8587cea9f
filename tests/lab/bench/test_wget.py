"""The bench of wget from start to end, with a few targets: every contestant fetches them, and every row is there."""

import pytest

from lab.bench import million, wget
from lab.bench.errors import BenchFailed
from lab.bench.harness.peers import CURL, NGINX, WRK, Peer
from lab.bench.harness.rounds import Rounds

TINY = Rounds(number=1, seconds=1.0, targets=30, users=())
LOOPS = ("uvloop", "asyncio")
OURS = [f"services.client, {loop}" for loop in LOOPS]
AIOHTTP = [f"aiohttp client, {loop}" for loop in LOOPS]
ABSENT = Peer("no-such-program", "no-such-package", ())


@pytest.mark.parametrize("present", [True, False], ids=["with the peers that are here", "without any"])
def test_wget_has_a_row_for_each_contestant_that_can_run(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    """Speed, processor time and memory, as ratios to other programs; missing ones are named."""
    if not present:
        for name in ("NGINX", "CURL", "WRK"):
            monkeypatch.setattr(wget, name, ABSENT)
    here = [peer for peer in (NGINX, CURL, WRK) if present and peer.path()]
    result = wget.bench(TINY, lambda _: None)
    curl, ceiling = ["curl --parallel"] * (CURL in here), [wget.CEILING] * (WRK in here)
    assert len(result.groups) == 3
    for group in result.groups:
        assert [row.subject for row in group.rows] == [*OURS, *curl, *AIOHTTP, *ceiling]
        assert group.reference == (curl or AIOHTTP)[0]
        assert all(row.median > 0 for row in group.rows)
    assert len(result.notes) == 3 - len(here)


def test_a_contestant_that_loses_a_target_has_no_figure() -> None:
    """It would be faster by fetching less."""
    command = ["sh", "-c", 'echo \'{"error": null, "status": 200}\'; echo \'{"error": "refused", "status": null}\'']
    with pytest.raises(BenchFailed, match="1 of 30 targets were answered"):
        wget.program("it", command, "", TINY, wget.is_answered)


def test_memory_is_read_early_and_late() -> None:
    """Both figures are of a program that ran; every target has its record, or there is no figure."""
    (group,) = million.bench(lambda _: None, targets=3_000, first=1_000).groups
    early, late = group.rows
    assert (early.subject, late.subject) == ("after 1,000 records", "at most, until 3,000")
    assert early.median > 5
    assert late.median > 5
