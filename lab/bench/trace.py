"""`lab bench trace`: what recording costs, for each await and for a survey, beside other ways to see the same; and how
the page draws what was recorded (`trace_page`).

What no recorder that wraps coroutines can go below is measured, too: a wrapper that reads the clock when a coroutine
begins and ceases to run, and does nothing else. The peers record something else: `sys.monitoring` notes only when
coroutines go on and wait, viztracer every call.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from lab.bench import trace_page
from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Result, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.pipeline.sample import Sample, read_sample
from lab.bench.wget.contestants import TIMEOUT_S, client_command, is_answered
from lab.bench.wget.one_host import CONCURRENCY, HOST, page_server, routes
from services.runtime.files.temporary import temporary_directory

LOOPS = ("uvloop", "asyncio")
AWAITS, TINY = 80_000, 100  # a recording holds more slices than that; a test does so few
MAX_TARGETS = 9_000  # as many lanes as a recording holds are more
PLAIN, OFF = "no recorder", "services.client, off"
WITHOUT, WITH = "services.client, without places", "services.client, with places"
SURVEY, TRACED = "services.client wget", "services.client wget --trace"
LEAST = "a wrapper that only reads the clock"
NAMES = {PLAIN: "plain", OFF: "off", LEAST: "wrapped", WITHOUT: "recorded", WITH: "places"}
PEERS = {"sys.monitoring": "monitoring", "viztracer": "viztracer"}
NOISE = 1.05
GOALS = {"asyncio": {OFF: NOISE, WITHOUT: 1.6, WITH: 2.0}, "uvloop": {OFF: NOISE, WITHOUT: 2.3, WITH: 3.0}}
SURVEY_GOAL = 1.2

FLOOR = f"{LEAST}: what every recorder that wraps coroutines takes at least; the goals count from {PLAIN}"

Measured = dict[str, list[float]]


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure processor time an await, and how long a survey takes for each target."""
    rounds = rounds._replace(targets=min(rounds.targets, MAX_TARGETS))
    awaits = AWAITS if rounds.targets > TINY else TINY
    present = {name: known for name, known in PEERS.items() if is_here(name)}
    turns: list[tuple[str, Callable[[], float]]] = [
        (f"{subject}, {loop}", partial(await_us, known, loop, awaits))
        for loop in LOOPS
        for subject, known in (NAMES | present).items()
    ]
    core = Core()
    with temporary_directory("asynclab-bench-") as directory:
        turns += [
            (f"{subject}, {loop}", partial(survey_us, core, directory, rounds, loop, traced=subject == TRACED))
            for loop in LOOPS
            for subject in (SURVEY, TRACED)
        ]
        measured = interleaved(turns, rounds.number, lambda line: say(f"trace: {line}"))
    lack, size = trace_page.missing(), trace_page.FULL if rounds.targets > TINY else trace_page.TINY
    shown = [] if lack else trace_page.measured(size, rounds.number, lambda line: say(f"trace: {line}"))
    return Result(
        "trace",
        tuple(group for loop in LOOPS for group in groups(loop, measured, [*NAMES, *present])),
        method=(
            f"an await: {awaits:,} of asyncio.sleep(0) in 100 tasks, the quickest of 5 passes; no file is made",
            f"a survey: {rounds.targets:,} targets, from its first fetch to its last, in one process",
            f"{rounds.in_turns()}, a process each; {core.server_sentence()}",
            *([f"the page: in Chromium, without a window; frames of a replay of {trace_page.FRAMES}"] if shown else []),
        ),
        notes=(FLOOR, *(missing(name) for name in PEERS if name not in present), *([lack] if lack else [])),
        tables=(trace_page.table(shown, size),) if shown else (),
        promises=trace_page.goals(shown, size) if shown else (),
    )


def groups(loop: str, measured: Measured, subjects: list[str]) -> tuple[Group, Group]:
    """Return the figures on one loop."""

    def rows(names: list[str]) -> tuple[Row, ...]:
        return tuple(Row(name, tuple(measured[f"{name}, {loop}"]), ours=name.startswith("services.")) for name in names)

    return (
        Group(
            f"trace, {loop}: an await",
            "processor us",
            rows(subjects),
            PLAIN,
            higher_is_better=False,
            goals=tuple(Goal(of, ratio, PLAIN) for of, ratio in GOALS[loop].items()),
        ),
        Group(
            f"trace, {loop}: a survey",
            "us a target",
            rows([SURVEY, TRACED]),
            SURVEY,
            higher_is_better=False,
            goals=(Goal(TRACED, SURVEY_GOAL, SURVEY),),
        ),
    )


def is_here(peer: str) -> bool:
    """Return whether a peer can run here."""
    return hasattr(sys, "monitoring") if peer == "sys.monitoring" else find_spec(peer) is not None


def missing(peer: str) -> str:
    """Return the note that replaces a peer's figures."""
    if peer == "sys.monitoring":
        return "sys.monitoring is not measured: Python has it since 3.12"
    return f"{peer} is missing: pip install {peer}"


def await_us(name: str, loop: str, awaits: int) -> float:
    """Return the processor time that a contestant takes for an await, in microseconds."""
    command = [sys.executable, "-m", "lab.bench.traced_awaits", name, "--loop", loop, "-n", str(awaits)]
    sample: Sample = read_sample(name, cost_of(name, command, timeout_s=TIMEOUT_S).out, awaits)
    return sample.cpu_us


def survey_us(core: Core, directory: Path, rounds: Rounds, loop: str, *, traced: bool) -> float:
    """Return how long a survey takes for each of its targets, in microseconds."""
    with page_server(core, directory) as server:
        return fetched_us(server, directory / "trace.json" if traced else None, rounds, loop)


def fetched_us(server: Server, trace: Path | None, rounds: Rounds, loop: str) -> float:
    command = [*client_command(CONCURRENCY, loop, routes(server)), "--processes", "1"]  # a trace is of one
    command += [] if trace is None else ["--trace", str(trace)]
    targets = f"{HOST}\n".encode() * rounds.targets
    lines = cost_of("client wget", command, timeout_s=TIMEOUT_S, stdin=targets).out.splitlines()
    if sum(map(is_answered, lines)) != rounds.targets:
        raise BenchFailed("client wget", why=f"not all of {rounds.targets:,} targets were answered")
    records = [json.loads(line) for line in lines]
    begun = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    ended = [at_s + record["timings_ms"]["total"] / 1e3 for at_s, record in zip(begun, records, strict=True)]
    seconds: float = max(ended) - min(begun)
    return seconds / rounds.targets * 1e6
