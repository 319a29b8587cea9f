"""What recording costs for each await: processor time of many tasks that wait for another turn, and do nothing else.

The peers record something else: `sys.monitoring` notes only when coroutines go on and wait, viztracer every call.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.processes import cost_of
from lab.bench.harness.rounds import Rounds
from lab.bench.pipeline.sample import read_sample

TIMEOUT_S = 120.0
AWAITS, FEWER, TINY = 50_000, 10_000, 100  # a recording holds more slices than that; a test does so few
PLAIN, OFF = "no recorder", "services.client, off"
WITHOUT, WITH = "services.client, without places", "services.client, with places"
LEAST = "a wrapper that only reads the clock"
NAMES = {PLAIN: "plain", OFF: "off", LEAST: "clocked", WITHOUT: "recorded", WITH: "places"}
PEERS = {"sys.monitoring": "monitoring", "viztracer": "viztracer"}
NOISE = 1.05
GOALS = {"asyncio": {OFF: NOISE, WITHOUT: 1.6, WITH: 2.0}, "uvloop": {OFF: NOISE, WITHOUT: 2.3, WITH: 3.0}}
FLOOR = f"{LEAST}: what every recorder that wraps coroutines takes at least; the goals count from {PLAIN}"
HELD_BY = "two readings of the clock for each time that a coroutine runs, the note of a slice, and the names of places"


def count(rounds: Rounds) -> int:
    """Return how many awaits a turn has."""
    if rounds.targets <= TINY:
        return TINY
    return FEWER if rounds.is_short else AWAITS


def turns(loop: str, awaits: int) -> list[tuple[str, Callable[[], float]]]:
    """Return a turn of each contestant that can run here."""
    return [(name, partial(await_us, known, loop, awaits)) for name, known in (NAMES | present()).items()]


def present() -> dict[str, str]:
    """Return the peers that can run here."""
    return {name: known for name, known in PEERS.items() if is_here(name)}


def is_here(peer: str) -> bool:
    """Return whether a peer can run here."""
    return hasattr(sys, "monitoring") if peer == "sys.monitoring" else find_spec(peer) is not None


def missing() -> list[str]:
    """Return the notes that replace the figures of peers that cannot run here."""
    notes = {
        "sys.monitoring": "sys.monitoring is not measured: Python has it since 3.12",
        "viztracer": "viztracer is missing: pip install viztracer",
    }
    return [note for peer, note in notes.items() if not is_here(peer)]


def group(loop: str, rows: Sequence[Row]) -> Group:
    """Return the figures on one loop."""
    goals = tuple(Goal(of, ratio, PLAIN, HELD_BY, PLAIN if of == OFF else LEAST) for of, ratio in GOALS[loop].items())
    title = f"trace, {loop}: an await"
    return Group(title, "processor us", tuple(rows), PLAIN, higher_is_better=False, goals=goals)


def await_us(name: str, loop: str, awaits: int) -> float:
    """Return the processor time that a contestant takes for an await, in microseconds."""
    command = [sys.executable, "-m", "lab.bench.trace.traced_awaits", name, "--loop", loop, "-n", str(awaits)]
    return read_sample(name, cost_of(name, command, timeout_s=TIMEOUT_S).out, awaits).cpu_us
