"""What recording costs a survey, for each of its targets: from its first fetch to its last, in one process."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server, cost_of
from lab.bench.wget.contestants import TIMEOUT_S, client_command, is_answered
from lab.bench.wget.one_host import CONCURRENCY, HOST, page_server, routes

MAX_TARGETS = 9_000  # as many lanes as a recording holds are more
SURVEY, TRACED = "services.client wget", "services.client wget --trace"
CLOCKED = "services.client wget, tasks in a wrapper that only reads the clock"
NAMES = (SURVEY, CLOCKED, TRACED)
GOAL = 1.2
HELD_BY = "a lane for each target, and the slices of its phases, which the wrapper does not note"


def turns(core: Core, directory: Path, targets: int, loop: str) -> list[tuple[str, Callable[[], float]]]:
    """Return a turn of each contestant."""
    return [(name, partial(survey_us, name, core, directory, targets, loop)) for name in NAMES]


def group(loop: str, rows: Sequence[Row]) -> Group:
    """Return the figures on one loop."""
    goals = (Goal(TRACED, GOAL, SURVEY, HELD_BY, CLOCKED),)
    title = f"trace, {loop}: a survey"
    return Group(title, "us a target", tuple(rows), SURVEY, higher_is_better=False, goals=goals)


def survey_us(name: str, core: Core, directory: Path, targets: int, loop: str) -> float:
    """Return how long a survey takes for each of its targets, in microseconds."""
    with page_server(core, directory) as server:
        return fetched_us(command_of(name, server, directory, loop), targets)


def command_of(name: str, server: Server, directory: Path, loop: str) -> list[str]:
    """Return the command line of a contestant."""
    command = [*client_command(CONCURRENCY, loop, routes(server)), "--processes", "1"]  # a trace is of one
    if name == TRACED:
        return [*command, "--trace", str(directory / "trace.json")]
    if name == CLOCKED:
        options = command[command.index("services.client") + 1 :]
        return [sys.executable, "-m", "lab.bench.trace.clocked_client", *options]
    return command


def fetched_us(command: Sequence[str], targets: int) -> float:
    """Run a survey, and return how long it took from its first fetch to its last, for each target."""
    given = f"{HOST}\n".encode() * targets
    lines = cost_of("client wget", command, timeout_s=TIMEOUT_S, stdin=given).out.splitlines()
    if sum(map(is_answered, lines)) != targets:
        raise BenchFailed("client wget", why=f"not all of {targets:,} targets were answered")
    records = [json.loads(line) for line in lines]
    begun = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    ended = [at_s + record["timings_ms"]["total"] / 1e3 for at_s, record in zip(begun, records, strict=True)]
    seconds: float = max(ended) - min(begun)
    return seconds / targets * 1e6
