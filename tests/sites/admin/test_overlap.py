"""The most exchanges at once: from times alone, and as `POST /journal/verify` tells it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import anyio.from_thread
import anyio.to_thread
import pytest

from services.sites.admin.journal.overlap import most_at_once, span_of
from services.sites.journal import FIN, ConnectionInfo, Exchange
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, one_site

VISIT = ConnectionInfo(1, "127.0.0.1:1", secure=False, accepted_s=0.0)

Times = Sequence[tuple[float, float | None]]

SPANS: dict[str, tuple[Times, list[int]]] = {
    "none": ([], []),
    "one": ([(1, 2)], [1]),
    "one that took no time": ([(1, 1)], [1]),
    "one after another": ([(1, 2), (2, 3), (3, 4)], [1]),
    "two that took no time": ([(1, 1), (1, 1)], [1]),
    "two of three": ([(1, 3), (2, 4), (3, 5)], [1, 2]),
    "one within another": ([(1, 9), (2, 3), (4, 5)], [1, 2]),
    "the most, not the longest": ([(1, 2), (3, 9), (4, 9), (5, 9), (10, 11), (10, 11)], [2, 3, 4]),
    "one that has not ended": ([(1, None), (8, 9)], [1, 2]),
    "entered in the order of their ends": ([(4, 5), (1, 9)], [2, 1]),
}


@pytest.mark.parametrize(("times", "together"), SPANS.values(), ids=SPANS)
def test_the_most_that_overlap_are_found(times: Times, together: list[int]) -> None:
    """An end at the instant of a beginning is no overlap; what has not ended is in progress until now."""
    entries = [
        (number, Exchange(VISIT, 1, b"", "a.test", "", 200, begun_s, ended=ended, ended_s=ended_s or 0.0))
        for number, (begun_s, ended_s) in enumerate(times, 1)
        for ended in [FIN if ended_s else None]
    ]
    assert most_at_once([span_of(*entry) for entry in entries]) == together


@asynccontextmanager
async def stalled(target: Target, count: int) -> AsyncIterator[None]:
    """Have so many exchanges in progress while inside, each on a connection of its own."""
    await target.set_plan([{"fault": "stall_at", "bytes": 5}])
    with ExitStack() as open_connections:

        def ask() -> None:
            for _ in range(count):
                connection = target.peer.connect()
                open_connections.push(connection)
                connection.sendall(target.peer.get("/slow"))
                assert listen(connection, 5).data == KEEP[:5]

        await anyio.to_thread.run_sync(ask)
        yield


def at_once(target: Target, most: int, /, **match: object) -> dict[str, object]:
    """Return the expectation that no more than `most` are in progress at once."""
    return {"at_once": [{"match": {"host": target.host, **match}, "at_most": most}]}


@pytest.mark.anyio
async def test_more_at_once_than_expected_is_409_with_those_that_overlapped(tmp_path: Path) -> None:
    """A client that promises two requests at once can be held to it, while they wait and afterwards."""
    async with one_site(tmp_path) as target:
        async with stalled(target, 3):
            status, answer = await target.call("POST", "/journal/verify", at_once(target, 2))
            assert status == 409
            failure = answer["failures"][0]  # type: ignore[index]
            assert (failure["check"], failure["expected"], failure["found"]) == ("at_once[0]", "at most 2 at once", 3)
            assert [(near["entry"], near["misses"]) for near in failure["nearest"]] == [(1, []), (2, []), (3, [])]
        await target.ended()
        assert (await target.call("POST", "/journal/verify", at_once(target, 2)))[0] == 409
        for holds in (at_once(target, 3), at_once(target, 0, target="/other"), {**at_once(target, 1), "since": 2}):
            status, answer = await target.call("POST", "/journal/verify", holds)
            assert (status, answer["failures"]) == (200, [])


@pytest.mark.anyio
async def test_requests_one_after_another_are_one_at_once(tmp_path: Path) -> None:
    """Also without any pause between them."""
    async with one_site(tmp_path) as target:

        def ask() -> None:
            with target.peer.connect() as connection:
                for _ in range(50):
                    connection.sendall(target.peer.get())
                    listen(connection, len(KEEP))

        await anyio.to_thread.run_sync(ask)
        assert (await target.call("POST", "/journal/verify", at_once(target, 1)))[0] == 200
        assert (await target.call("POST", "/journal/verify", at_once(target, 0)))[0] == 409


@pytest.mark.anyio
async def test_what_was_dropped_may_have_overlapped(tmp_path: Path) -> None:
    """It is proved where even all of them together would not have been too many, and else it is not."""
    async with one_site(tmp_path, journal_entries=2) as target, stalled(target, 3):
        status, answer = await target.call("POST", "/journal/verify", at_once(target, 2))
        assert status == 409
        assert "1 entries were dropped" in answer["failures"][0]["reason"]  # type: ignore[index]
        assert (await target.call("POST", "/journal/verify", at_once(target, 3)))[0] == 200
        assert (await target.call("POST", "/journal/verify", {**at_once(target, 2), "since": 1}))[0] == 200
