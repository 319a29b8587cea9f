"""The same page again and again, 64 at once, from one server on one core: what a fetch costs where nothing goes wrong.

The programs that need ten times as long have a part of the targets: all turns take seconds, in which a start is little.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Promise, Table
from lab.bench.harness.load import servers
from lab.bench.harness.load.wrk import load
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL, NGINX, WRK
from lab.bench.harness.processes import Cost, Server, cost_of
from lab.bench.harness.rounds import Measured, Rounds, Say, interleaved
from lab.bench.wget import contestants, stages
from lab.bench.wget.contestants import AIOHTTP, CURL_NAME, LOOPS, OURS, Sample, Work
from services.runtime.files.temporary import temporary_directory
from services.runtime.process import usable_cores

HOST = "site.bench"
CONCURRENCY = 64
SLOWER = 4  # times fewer targets for curl and aiohttp's client
CEILING = "wrk, the ceiling"
NULL = "null, Python's ceiling"
RATES = ((3.0, CURL_NAME), (4.0, AIOHTTP), (0.8, CEILING))
MOST_COST = 0.5  # times curl's
MOST_MIB = 60

Fetch = Callable[[Server], Sample]


class OneHost(NamedTuple):
    """The figures; the stages of a fetch, as a table and as what holds a goal; and whether the memory is as planned."""

    groups: tuple[Group, ...]
    stages: Table
    held_by: str
    memory_goal: Promise


def measure(rounds: Rounds, core: Core, say: Say) -> OneHost:
    """Measure fetches a second, processor seconds for a thousand of them, and the most memory."""
    with temporary_directory("asynclab-bench-") as directory:
        turns = [(name, partial(alone, turn, core, directory)) for name, turn in everyone(rounds)]
        measured = interleaved(turns, rounds.number, lambda line: say(f"wget: {line}"))
        say("wget: the stages of a fetch")
        found = stages_of(measured, rounds, lambda turn: alone(turn, core, directory))
    held_by = stages.held_by(found)
    rate, cost, memory = contestants.groups(
        "wget",
        measured,
        rate=[Goal(OURS, ratio, against, held_by, NULL) for ratio, against in RATES],
        cost=[Goal(OURS, MOST_COST, CURL_NAME, held_by, NULL)],
    )
    return OneHost((rate, cost, memory), stages.table(found), held_by, memory_goal(memory))


def stages_of(
    measured: dict[str, list[Sample]], rounds: Rounds, run: Callable[[Callable[[Server], float]], float]
) -> tuple[stages.Stage, ...]:
    """Return the stages of a fetch. `run` lets a program fetch from a new server, and returns its processor time."""
    total_us, null_us = (median(turn.cpu_s_per_1000 for turn in measured[name]) * 1000 for name in (OURS, NULL))
    start_us, null_start_us = (
        min(run(partial(of, rounds.targets)) for _ in range(rounds.number)) / rounds.targets * 1e6
        for of in (start, null_start)
    )
    return stages.stages(total_us, null_us=max(0.0, null_us - null_start_us), start_us=start_us)


def memory_goal(memory: Group) -> Promise:
    """Return whether all processes of a survey together hold little."""
    held, null = (next(row.median for row in memory.rows if row.subject == name) for name in (OURS, NULL))
    text = f"{OURS}, at most {MOST_MIB} MiB in all its processes"
    why = "three interpreters with a loop and TLS each"
    ceiling = f"{NULL}: {null:.0f} MiB"
    return Promise(text, held <= MOST_MIB, f"{held:.0f} MiB", is_goal=True, held_by=why, ceiling=ceiling)


def everyone(rounds: Rounds) -> list[tuple[str, Fetch]]:
    """Return all contestants that can run here."""
    turns: list[tuple[str, Fetch]] = []
    turns += [(f"services.client, {loop}", partial(client, rounds.targets, loop)) for loop in LOOPS]
    fewer = max(1, rounds.targets // SLOWER)
    if CURL.path():
        turns.append((CURL_NAME, lambda server: contestants.curl(work(fewer, server.url))))
    turns += [(f"aiohttp client, {loop}", partial(aiohttp_client, fewer, loop)) for loop in LOOPS]
    turns.append((NULL, partial(null, rounds.targets)))
    if WRK.path():
        turns.append((CEILING, partial(ceiling, rounds)))
    return turns


def work(number: int, url: str, resolve: tuple[str, ...] = ()) -> Work:
    """Return the work: one URL, as often as is asked, each of which is answered."""
    return Work([url] * number, CONCURRENCY, number, resolve)


def routes(server: Server) -> tuple[str, ...]:
    """Return where the client reaches the host by its name."""
    return (f"{HOST}:80:127.0.0.1:{server.port}",)


def client(number: int, loop: str, server: Server) -> Sample:
    """Let this project's client fetch."""
    return contestants.client(work(number, HOST, routes(server)), loop)


def aiohttp_client(number: int, loop: str, server: Server) -> Sample:
    """Let aiohttp's client fetch."""
    return contestants.aiohttp_client(work(number, f"{server.url}/"), loop)


def start(number: int, server: Server) -> float:
    """Return the processor time of a survey of one target, with as many processes as one of so many has."""
    command = stages.start_command(len(work(number, HOST).lines()), CONCURRENCY, routes(server))
    return cost_of(
        "client wget, one target", command, timeout_s=contestants.TIMEOUT_S, stdin=f"{HOST}\n".encode()
    ).cpu_s


def null_start(_number: int, server: Server) -> float:
    """Return the processor time of null_fetch with one target for each of its processes."""
    number = usable_cores()
    return null(number, server).cpu_s_per_1000 * number / 1000


def null(number: int, server: Server) -> Sample:
    """Let Python's ceiling fetch: it makes connections, asks, reads, and writes no record."""
    words = ["-m", "lab.bench.baselines.null_fetch", *null_words(number, server)]
    return null_sample(number, cost_of("null fetch", [sys.executable, *words], timeout_s=contestants.TIMEOUT_S))


def null_words(number: int, server: Server) -> list[str]:
    """Return the arguments of null_fetch."""
    return [str(server.port), str(number), "-c", str(CONCURRENCY)]


def null_sample(number: int, cost: Cost) -> Sample:
    """Return the figures of null_fetch. Raises BenchFailed where answers are missing."""
    if cost.out.strip() != str(number):
        raise BenchFailed("null fetch", why=f"{cost.out.strip()[:20]} of {number:,} were answered")
    return Sample(number / cost.wall_s, cost.cpu_s / number * 1000, cost.peak_kib / 1024)


def ceiling(rounds: Rounds, server: Server) -> Sample:
    """Let wrk fetch for the seconds of a turn, since it cannot stop at a number."""
    found = load(f"{server.url}/", seconds=rounds.seconds, core=(), fields=("Connection: close",))
    return Sample(found.requests_per_s, found.cost.cpu_s / found.requests * 1000, found.cost.peak_kib / 1024)


def alone(turn: Callable[[Server], Measured], core: Core, directory: Path) -> Measured:
    """Let a contestant fetch from a new server: connections in TIME_WAIT would slow the next contestant."""
    with page_server(core, directory) as server:
        return turn(server)


def page_server(core: Core, directory: Path) -> AbstractContextManager[Server]:
    """Serve the page: nginx, or the recorded sites where it is missing."""
    if NGINX.path():
        return servers.nginx(core.server)
    return recorded_page(core, directory)


@contextmanager
def recorded_page(core: Core, directory: Path) -> Iterator[Server]:
    """Serve such a page from the recorded sites."""
    page = b"HTTP/1.1 200 OK\r\nServer: sites\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
    for name in (HOST, "127.0.0.1"):
        (directory / f"{name}.http").write_bytes(page)
    with servers.sites(core.server, directory, loop="uvloop") as server:
        yield server
