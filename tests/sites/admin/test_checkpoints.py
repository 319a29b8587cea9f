"""Checkpoints: what a test changes is as before when its checkpoint is put back, with all that had been counted."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.checkpoints import MAX_CHECKPOINTS
from tests.sites.target import KEEP, Target, one_site, sites, target_of

pytestmark = pytest.mark.anyio

PLAYED = b"HTTP/1.1 201 Played\r\nContent-Length: 0\r\n\r\n"
ONCE = {"fault": "status", "status": 503, "first": 1}
DRAWN = {"fault": "status", "status": 503, "probability": 0.5, "seed": 11}

Change = tuple[str, str, object]


def play(response: bytes = PLAYED, **more: object) -> Mapping[str, object]:
    """Return the body that adds a play."""
    return {"response": base64.b64encode(response).decode(), **more}


async def status_line(target: Target) -> bytes:
    """Return the beginning of what a request gets."""
    return (await anyio.to_thread.run_sync(lambda: target.peer.ask(most=12))).data


async def state(target: Target) -> object:
    """Return all plans and plays as the admin API shows them; without the time that a plan has left."""
    _status, plans = await target.call("GET", "/faults")
    _status, plays = await target.call("GET", "/plays")
    return {name: value for name, value in plans.items() if name != "generation"}, plays


async def take(target: Target) -> int:
    """Take a checkpoint."""
    status, answer = await target.call("POST", "/checkpoints")
    number = answer["checkpoint"]
    assert status == 201
    assert isinstance(number, int)
    return number


async def restore(target: Target, number: int) -> tuple[int, Mapping[str, object]]:
    """Put a checkpoint back."""
    return await target.call("POST", f"/checkpoints/{number}/restore")


CHANGES: Mapping[str, list[Change]] = {
    "a plan": [("PUT", "/faults/{host}", {"faults": [{"fault": "drip"}]})],
    "no plan": [("DELETE", "/faults", None)],
    "a temporary plan": [("PUT", "/faults/{host}/temporary?for_s=9", {"faults": []})],
    "a closed port": [("PUT", "/faults/{host}", {"faults": [{"fault": "refuse"}]})],
    "a play": [("POST", "/plays/{host}", play(match={"path": "/x"}))],
    "no plays": [("DELETE", "/plays", None)],
    "a new host": [("POST", "/plays/new.test", play()), ("PUT", "/faults/new.test", {"faults": [ONCE]})],
    "a host that goes": [("DELETE", "/plays/played.test", None)],
    "a host that goes and comes": [("DELETE", "/plays/played.test", None), ("POST", "/plays/played.test", play())],
    "a cleared journal": [("DELETE", "/journal", None)],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_is_as_before(tmp_path: Path, changes: list[Change]) -> None:
    """Plans, plays and hosts; twice, since a test is followed by another."""
    async with one_site(tmp_path) as target:
        await target.call("POST", f"/plays/{target.host}", play(times=2))
        await target.call("POST", "/plays/played.test", play())
        await target.set_plan([DRAWN, ONCE])
        before = await state(target)
        for _time in range(2):
            number = await take(target)
            for method, path, body in changes:
                status, answer = await target.call(method, path.replace("{host}", target.host), body)
                assert status < 300, answer
            assert (await restore(target, number))[0] == 200
            assert await state(target) == before


async def test_what_was_counted_and_drawn_is_as_before(tmp_path: Path) -> None:
    """A fault for the first request alone, one by chance, and a play with times: each test meets the same."""
    async with one_site(tmp_path) as target:
        await target.set_plan([ONCE, DRAWN])
        await target.call("POST", f"/plays/{target.host}", play(times=2))
        await status_line(target)  # the first fault is spent, and the second has drawn
        runs = []
        for _time in range(3):
            number = await take(target)
            runs.append([await status_line(target) for _ in range(8)])
            await restore(target, number)
        assert runs[0] == runs[1] == runs[2]
        assert {b"HTTP/1.1 503", b"HTTP/1.1 201", b"HTTP/1.1 200"} == set(runs[0])


async def test_a_checkpoint_says_where_the_journal_was_and_which_hosts_there_are(tmp_path: Path) -> None:
    """A test finds its own entries by that number, and the hosts that one process plays by one request."""
    async with sites({"keep.test.http": KEEP, "b.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        await status_line(target)
        status, answer = await target.call("POST", "/checkpoints")
        assert (status, answer) == (201, {"checkpoint": 1, "entry": 1, "hosts": ["b.test", "keep.test"]})


REFUSED: Mapping[str, Callable[[int], object]] = {
    "again": lambda number: number,
    "never taken": lambda number: number + 1,
    "no number": lambda _number: "last",
}


@pytest.mark.parametrize("named", REFUSED.values(), ids=REFUSED)
async def test_a_checkpoint_is_put_back_once(tmp_path: Path, named: Callable[[int], object]) -> None:
    """Any other number is not found, and changes nothing."""
    async with one_site(tmp_path) as target:
        number = await take(target)
        await restore(target, number)
        await target.set_plan([ONCE])
        before = await state(target)
        status, answer = await target.call("POST", f"/checkpoints/{named(number)}/restore")
        assert (status, answer["error"]) == (404, "unknown_checkpoint")
        assert await state(target) == before


async def test_checkpoints_are_bounded_in_number_and_in_bytes(tmp_path: Path) -> None:
    """Their plays are counted with those of the site; what is put back or dropped gives its bytes back."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target, site = await target_of(running, "keep.test"), running.site
        await target.call("POST", f"/plays/{target.host}", play())
        played_bytes = site.played_bytes
        numbers = [await take(target) for _ in range(MAX_CHECKPOINTS + 1)]
        assert site.played_bytes == played_bytes * (MAX_CHECKPOINTS + 1)
        assert (await restore(target, numbers[0]))[0] == 404
        for number in numbers[1:]:
            assert (await restore(target, number))[0] == 200
        assert site.played_bytes == played_bytes
        site.budget.recordings.limit = 0
        assert (await target.call("POST", "/checkpoints"))[1]["error"] == "no_room"
