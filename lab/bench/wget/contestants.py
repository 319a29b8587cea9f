"""Who fetches, and what a turn measures: whole programs, as a person waits for them, from their start to their end.

wrk only counts bytes, and `null_fetch` only reads them: they are ceilings. All others write a record for each answer.
The clients may use every core, as on a person's machine; a survey of several processes does.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.peers import CURL
from lab.bench.harness.processes import Cost, cost_of

LOOPS = ("uvloop", "asyncio")
TIMEOUT_S = 120.0
NEARLY = 0.98  # of those that answer: a busy machine keeps a deadline from some
OURS, CURL_NAME, AIOHTTP = "services.client, uvloop", "curl --parallel", "aiohttp client, uvloop"
RECORD_OF_CURL = "%{exitcode} %{http_code} %{url} %{header_json}\\n"  # as the others': status, target, fields
ANY_LINE, CURL_BEGINS = re.compile(""), re.compile(r"\d+ \d{3} http")
CURL_ANSWERED = "0 200 "  # its exit code for the URL, and the status
SOME_FAIL = ("sh", "-c", '"$@" || test $? -lt 126', "sh")  # an exit code that says that hosts have failed is none here


class Sample(NamedTuple):
    """The figures of one turn."""

    fetches_per_s: float
    cpu_s_per_1000: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Work:
    """What a contestant has to do: `urls`, so many at once; `answered` of them have an answer, and all a record.

    `resolve` is where the client finds a name. With a `ca`, its certificates are trusted. `timeout_s` bounds a fetch.
    """

    urls: Sequence[str]
    concurrency: int
    answered: int
    resolve: tuple[str, ...] = ()
    ca: Path | None = None
    timeout_s: int = 10

    @property
    def is_one_page(self) -> bool:
        """Whether the same URL is fetched again and again."""
        return len(set(self.urls)) == 1

    def lines(self) -> str:
        """Return the list as most programs read it, a line each."""
        return "".join(f"{url}\n" for url in self.urls)


def client_command(concurrency: int, loop: str, resolve: Sequence[str] = (), *words: str) -> list[str]:
    """Return the client's command line: targets on stdin, records on stdout."""
    given = ["wget", "--input", "-", "--format", "jsonl", "--quiet", "--concurrency", str(concurrency)]
    places = [word for each in resolve for word in ("--resolve", each)]
    return [sys.executable, "-m", "services.client", *given, *places, "--loop", loop, *words]


def client(work: Work, loop: str) -> Sample:
    """Let this project's client fetch."""
    words = ["--timeout", str(work.timeout_s), *(("--ca", str(work.ca)) if work.ca else ())]
    command = client_command(work.concurrency, loop, work.resolve, *words)
    return program("client wget", command, work.lines(), work, is_answered)


def aiohttp_client(work: Work, loop: str) -> Sample:
    """Let aiohttp's client fetch."""
    words = ["-m", "lab.bench.baselines.aiohttp_client", "--loop", loop, "-c", str(work.concurrency)]
    words += ["--timeout", str(work.timeout_s), *(("--ca", str(work.ca)) if work.ca else ())]
    return program("aiohttp client", [sys.executable, *words], work.lines(), work, is_answered)


def curl(work: Work) -> Sample:
    """Let curl fetch, and print a record for each answer."""
    # A record of curl's goes on in further lines, which say what the fields were.
    return program("curl", curl_command(str(CURL.path()), work), curl_input(work), work, is_curls, CURL_BEGINS)


def curl_command(path: str, work: Work) -> list[str]:
    """Return curl's command line: it counts one URL up itself, and reads a list as a configuration (curl(1))."""
    words = ["--silent", "--parallel", "--parallel-max", str(work.concurrency), "--header", "Connection: close"]
    words += ["--max-time", str(work.timeout_s), *(("--cacert", str(work.ca)) if work.ca else ())]
    words += ["--write-out", RECORD_OF_CURL]
    if work.is_one_page:
        return [path, *words, "--output", "/dev/null", f"{work.urls[0]}?[1-{len(work.urls)}]"]
    return [path, *words, "--config", "-"]


def curl_input(work: Work) -> str:
    """Return the list as curl reads it."""
    return "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in work.urls)


def is_curls(line: str) -> bool:
    """Return whether a record of curl's has an answer with status 200."""
    return line.startswith(CURL_ANSWERED)


def is_answered(line: str) -> bool:
    """Return whether a record has an answer with status 200."""
    record = json.loads(line)
    return record["error"] is None and record["status"] == 200


def program(
    name: str,
    command: Sequence[str],
    given: str,
    work: Work,
    answered: Callable[[str], bool],
    begins: re.Pattern[str] = ANY_LINE,
) -> Sample:
    """Run a program for all targets, count its records, and return what it cost. `begins`: the first line of each."""
    cost = cost_of(name, (*SOME_FAIL, *command), timeout_s=TIMEOUT_S, stdin=given.encode())
    return sample_of(name, cost, work, answered, begins)


def sample_of(
    name: str, cost: Cost, work: Work, answered: Callable[[str], bool], begins: re.Pattern[str] = ANY_LINE
) -> Sample:
    """Return the figures of a program that has ended. Raises BenchFailed where records are missing."""
    counted = Counter(answered(line) for line in cost.out.splitlines() if begins.match(line))
    number = len(work.urls)
    if counted.total() != number or not work.answered * NEARLY <= counted[True] <= work.answered:
        found = f"{counted[True]:,} of {work.answered:,} targets were answered, and {counted.total():,} have a record"
        raise BenchFailed(name, why=found, evidence=cost.out.splitlines()[-3:])
    return Sample(number / cost.wall_s, cost.cpu_s / number * 1000, cost.peak_kib / 1024)


def groups(
    title: str, measured: dict[str, list[Sample]], *, rate: Sequence[Goal], cost: Sequence[Goal]
) -> tuple[Group, ...]:
    """Return rate, processor time and memory of all contestants, as ratios to what people would use instead."""
    return (
        group(title, "fetches/s", measured, lambda turn: turn.fetches_per_s, goals=tuple(rate)),
        group(
            f"{title}: what they cost",
            "processor s/1,000",
            measured,
            lambda turn: turn.cpu_s_per_1000,
            lower=True,
            goals=tuple(cost),
        ),
        group(f"{title}: memory", "MiB at most", measured, lambda turn: turn.peak_mib, lower=True),
    )


def group(
    title: str,
    unit: str,
    measured: dict[str, list[Sample]],
    figure: Callable[[Sample], float],
    *,
    lower: bool = False,
    goals: tuple[Goal, ...] = (),
) -> Group:
    """Return one figure of all contestants."""
    rows = tuple(
        Row(name, tuple(figure(turn) for turn in turns), ours=name.startswith("services."))
        for name, turns in measured.items()
    )
    reference = next(name for name in (CURL_NAME, AIOHTTP) if name in measured)
    return Group(title, unit, rows, reference, higher_is_better=not lower, goals=goals)
