"""Faults of time: the steps of their scripts, and their effect on a socket and on the counters.

How long a pause is, is read from the script: a test that measured it would fail on a busy machine. That a pause lies
where it should is seen at a socket, with a pause that outlasts the test.
"""

from pathlib import Path

import aiohttp
import anyio.to_thread
import pytest

from services.sites.faults.catalog import Stage
from services.sites.faults.script import Ending, Pause, Response, Step
from tests.sites.faults.test_plan import in_force
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, one_site

HEAD, BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"
NEVER_S = 3600.0


def steps_of(rule: dict[str, object], body: bytes = BODY) -> list[Step]:
    """Return what a connection is told to do."""
    injection = in_force(rule).decide(Stage.REQUEST, 0.0)
    assert injection
    return list(injection.script(Response(HEAD, body, Ending.KEEP), "/"))


SCRIPTS: dict[str, tuple[dict[str, object], list[Step]]] = {
    "delay": ({"fault": "delay", "seconds": 2}, [Pause(2.0), HEAD, BODY, Ending.KEEP]),
    "delay in the head": (
        {"fault": "delay", "seconds": 2, "bytes": 17},
        [HEAD[:17], Pause(2.0), HEAD[17:], BODY, Ending.KEEP],
    ),
    "delay after the head": (
        {"fault": "delay", "seconds": 2, "bytes": len(HEAD)},
        [HEAD, Pause(2.0), BODY, Ending.KEEP],
    ),
    "drip": (
        {"fault": "drip", "bytes": 20, "interval_s": 0.5},
        [HEAD[:20], Pause(0.5), HEAD[20:] + BODY[:2], Pause(0.5), BODY[2:], Ending.KEEP],
    ),
    "throttle": (
        {"fault": "throttle", "bytes_per_s": 400},
        [HEAD[:20], Pause(0.05), HEAD[20:] + BODY[:2], Pause(0.05), BODY[2:], Pause(3 / 400), Ending.KEEP],
    ),
    "stall_at": ({"fault": "stall_at", "bytes": 17}, [HEAD[:17], Ending.SILENCE]),
}


@pytest.mark.parametrize(("rule", "steps"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_fault_of_time_pauses_where_and_for_as_long_as_it_says(rule: dict[str, object], steps: list[Step]) -> None:
    """What `client faults kinds` says, pauses included."""
    assert steps_of(rule) == steps


RATES = {"a byte a second": 1, "less than a piece a share": 30, "slow": 1_000, "fast": 1_000_000, "fastest": 10**9}


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_a_throttled_response_takes_its_bytes_over_its_rate(rate: int) -> None:
    """The sum of all pauses does not depend on the size of the pieces, and no byte is lost."""
    body = bytes(range(256)) * 3
    steps = steps_of({"fault": "throttle", "bytes_per_s": rate}, body)
    assert b"".join(step for step in steps if isinstance(step, bytes)) == HEAD + body
    paused_s = sum(step.seconds for step in steps if isinstance(step, Pause))
    assert paused_s == pytest.approx(len(HEAD + body) / rate)


@pytest.mark.anyio
@pytest.mark.parametrize("offset", [1, 17, len(KEEP) - 5], ids=["a byte", "in the head", "the head"])
async def test_what_comes_before_a_delay_is_sent_before_it(tmp_path: Path, offset: int) -> None:
    """HEAD[:bytes] is with the peer while the rest waits, and nothing more."""
    async with one_site(tmp_path, drain_s=0.0) as target:
        await target.set_plan([{"fault": "delay", "seconds": NEVER_S, "bytes": offset}])

        def ask() -> bytes:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get())
                data = listen(connection, offset).data
                waiting = anyio.from_thread.run(target.entries)[0]
                assert (waiting["ended"], waiting["sent_bytes"]) == (None, offset)
                return data

        assert await anyio.to_thread.run_sync(ask) == KEEP[:offset]


@pytest.mark.anyio
async def test_pauses_are_counted_with_how_late_they_were(tmp_path: Path) -> None:
    """A timer is always late by more than nothing: every pause is in one bucket."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "drip", "bytes": 10, "interval_s": 0.002}])
        heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=len(KEEP)))
        assert heard.data == KEEP
        await target.ended()
        measured = await lateness(target)
    pauses = -(-len(KEEP) // 10) - 1
    assert measured["count"] == measured['bucket{le="+Inf"}'] == pauses
    assert measured["sum"] > 0


async def lateness(target: Target) -> dict[str, float]:
    """Return the histogram of how late pauses were, by the ends of its series' names."""
    async with aiohttp.ClientSession() as session, session.get(f"{target.admin}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    series = "site_pause_lateness_seconds_"
    pairs = [line.removeprefix(series).rsplit(" ", 1) for line in lines if line.startswith(series)]
    return {name: float(value) for name, value in pairs}
