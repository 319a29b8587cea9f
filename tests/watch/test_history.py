"""The history of events: bounded, read at any speed, and told anew where something is missing."""

import asyncio
import json

import pytest

from services.watch.events.history import SENT_BYTES, History

pytestmark = pytest.mark.anyio


def published(count: int, **limits: int) -> History:
    """Return a history of so many events."""
    history = History(**limits)
    for number in range(1, count + 1):
        history.publish("lab", {"n": number})
    return history


def numbers_in(frames: bytes) -> list[int]:
    """Return the numbers in events."""
    return [json.loads(line[6:])["n"] for line in frames.decode().splitlines() if line.startswith("data: ")]


async def test_a_page_gets_what_came_after_the_last_event_that_it_has_seen() -> None:
    history = published(5)
    assert history.number_in(f"{history.start}-3") == 3
    found = history.after(3)
    assert found
    assert (numbers_in(found[0]), found[1]) == ([4, 5], 5)
    assert history.after(5) == (b"", 5)


@pytest.mark.parametrize(
    ("last", "known"),
    [("{start}-2", 2), ("{start}-5", 5), ("{start}-1", None), ("{start}-6", None), ("{start}-", None), ("", None)],
    ids=["all after it are here", "the newest", "some are gone", "one that has not been", "no number", "nothing"],
)
async def test_an_id_is_good_while_all_after_it_are_here(last: str, known: int | None) -> None:
    """Three of five events are kept."""
    history = published(5, most_events=3)
    assert history.number_in(last.format(start=history.start)) == known


@pytest.mark.parametrize("last", ["other-3", "3", "x" * 10_000, "{start}-" + "9" * 5_000, "{start}-\u0663"])
async def test_an_id_of_another_start_is_none_of_ours(last: str) -> None:
    """A server that has started again has other events, whatever their numbers."""
    history = published(5)
    assert history.number_in(last.format(start=history.start)) is None


async def test_it_is_bounded_in_events_and_bytes() -> None:
    """A page that is open over a day costs no more than one of a minute."""
    history = published(10_000, most_events=100)
    assert history.after(9_899) is None
    assert len(numbers_in(history.after(9_900)[0])) == 100  # type: ignore[index]
    small = published(1_000, most_bytes=1_000)
    assert small.after(0) is None
    assert small.after(999) is not None


async def test_much_is_sent_in_pieces() -> None:
    """Each of about SENT_BYTES, and none is empty."""
    history = History()
    for _ in range(3):
        history.publish("run", {"n": 1, "text": "x" * SENT_BYTES})
    number, pieces = 0, 0
    while (found := history.after(number)) and found[0]:
        pieces, number = pieces + 1, found[1]
    assert (pieces, number) == (3, 3)


async def test_pages_wait_for_news_and_for_the_end() -> None:
    """All of them are woken by an event."""
    history = published(1)
    waiting = [asyncio.ensure_future(history.news(1, within_s=30)) for _ in range(3)]
    await asyncio.sleep(0)
    history.publish("lab", {})
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await history.news(0, within_s=30)
    assert not await history.news(2, within_s=0.001)
    ending = asyncio.ensure_future(history.news(2, within_s=30))
    await asyncio.sleep(0)
    history.close()
    assert not await ending


async def test_it_is_watched_while_a_page_looks_on() -> None:
    """Looks at the lab wait for that."""
    history = History()
    watched = asyncio.ensure_future(history.watched())
    await asyncio.sleep(0)
    assert not watched.done()
    with history.watching(), history.watching():
        await watched
        assert history.watchers == 2
    again = asyncio.ensure_future(history.watched())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
