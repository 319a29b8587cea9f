"""Runs that have no producer now: unfinished ones are named, finished ones are kept for a while, others are removed.

A finished run is kept so that its results are not lost with the terminal, or with the pipe, that they were written to:
`--run ID` prints them again.
"""

import time
from typing import NamedTuple

from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.errors import RunRefused, broker_of
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Stored
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.registry import Registry
from services.client.pipeline.jetstream.run import Run, decode_run
from services.client.settings import ClientSettings
from services.runtime.terminal import printable, say

MAX_NAMED, MAX_SHOWN = 5, 40  # of runs, and characters of the name or the input of one
KEPT_S, MAX_KEPT, MAX_KEPT_BYTES = 24 * 3600, 8, 256 << 20  # of finished runs
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Leftover(NamedTuple):
    """A run without a producer. `run`: None where this program cannot read its entry; `size`: of its results."""

    id: str
    run: Run | None
    entry: Stored
    size: int

    @property
    def is_finished(self) -> bool:
        return self.run is not None and self.run.finished

    @property
    def age_s(self) -> float:
        """How long ago its entry was written: at its end, or when a producer claimed it last."""
        return max(0.0, time.time() - self.entry.stored_s)

    def describe(self) -> str:
        """Return its id, its input and its age for a person, as far as they are known."""
        source = [printable(self.run.source[:MAX_SHOWN])] if self.run else []
        known = ", ".join(source + ([f"{span(self.age_s)} ago"] if self.entry.stored_s else []))
        return printable(self.id[:MAX_SHOWN]) + (f" ({known})" if known else "")


async def sweep(registry: Registry, mine: str) -> list[Leftover]:
    """Remove what is no run, and finished runs that are not kept any longer; return the unfinished ones."""
    found = [each for run in await registry.ids() if run != mine and (each := await leftover(registry, run))]
    finished = sorted((each for each in found if each.is_finished), key=lambda each: each.entry.seq, reverse=True)
    size = 0
    for number, each in enumerate(finished, start=1):
        size += each.size
        if number > MAX_KEPT or size > MAX_KEPT_BYTES or each.age_s > KEPT_S:
            await registry.remove_entry(each.id, each.entry)
    return [each for each in found if not each.is_finished]


async def leftover(registry: Registry, run: str) -> Leftover | None:
    """Return a run that has no producer; None for one that has, and for what is no run, which is removed."""
    entry = await registry.entry(run)
    if entry is None or await registry.is_owned(run):
        return None
    if not await registry.stands(run, entry):
        await registry.remove_entry(run, entry)
        return None
    try:
        known = decode_run(entry.data)
    except Undecodable:
        known = None
    return Leftover(run, known, entry, await registry.result_bytes(run) or 0)


def tell_unfinished(left: list[Leftover]) -> None:
    """Say in one line which runs were begun and have no producer now."""
    if left:
        more = f" and {len(left) - MAX_NAMED} more" if len(left) > MAX_NAMED else ""
        names = ", ".join(each.describe() for each in left[:MAX_NAMED])
        say(f"unfinished runs at the broker: {names}{more}; --run ID goes on with one, --forget ID removes it")


async def forget(run: str, settings: ClientSettings) -> int:
    """Remove a run from the broker, and return 0. Raises NoBroker, RunRefused and what `connect` raises."""
    async with connect(broker_of(settings), name=f"forget {run}") as connection, requesting(connection) as requests:
        registry = Registry(requests)
        entry = await registry.entry(run)
        if entry is not None and await registry.is_owned(run):
            raise RunRefused(f"another program works on run {run}: stop it first")
        stood = await registry.stands(run, entry)
        if not await registry.remove_entry(run, entry):
            raise RunRefused(f"another program has just claimed run {run}: stop it first")
        if not stood:
            raise RunRefused(f"there is no run {run} at the broker: give the id of one that is")
    say(f"run {run} is removed from the broker")
    return 0


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: 3 min."""
    for unit, name in UNITS:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return "0 s"
