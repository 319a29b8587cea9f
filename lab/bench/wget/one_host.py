"""The same page again and again, 64 at once, from one server on one core: what a fetch costs where nothing goes wrong.

The programs that need ten times as long have a part of the targets: all turns take seconds, in which a start is little.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Promise
from lab.bench.harness.load import servers
from lab.bench.harness.load.wrk import load
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL, NGINX, WRK
from lab.bench.harness.processes import Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.wget import contestants
from lab.bench.wget.contestants import AIOHTTP, CURL_NAME, LOOPS, OURS, Sample, Work
from services.runtime.files.temporary import temporary_directory

HOST = "site.bench"
CONCURRENCY = 64
SLOWER = 4  # times fewer targets for curl and aiohttp's client
CEILING = "wrk, the ceiling"
NULL = "null, Python's ceiling"
PYTHON = "what a connection, a request and an answer take in Python (row null), and a record for each"
RATE_GOALS = tuple(
    Goal(OURS, ratio, against, PYTHON, NULL) for ratio, against in ((3.0, CURL_NAME), (4.0, AIOHTTP), (0.8, CEILING))
)
COST_GOALS = (Goal(OURS, 0.5, CURL_NAME, PYTHON, NULL),)
MOST_MIB = 60

Fetch = Callable[[Server], Sample]


def measure(rounds: Rounds, core: Core, say: Say) -> tuple[tuple[Group, ...], Promise]:
    """Measure fetches a second, processor seconds for a thousand of them, and the most memory."""
    with temporary_directory("asynclab-bench-") as directory:
        turns = [(name, partial(alone, turn, core, directory)) for name, turn in everyone(rounds)]
        measured = interleaved(turns, rounds.number, lambda line: say(f"wget: {line}"))
    rate, cost, memory = contestants.groups("wget", measured, rate=RATE_GOALS, cost=COST_GOALS)
    return (rate, cost, memory), memory_goal(memory)


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


def null(number: int, server: Server) -> Sample:
    """Let Python's ceiling fetch: it makes connections, asks, reads, and writes no record."""
    words = ["-m", "lab.bench.baselines.null_fetch", str(server.port), str(number), "-c", str(CONCURRENCY)]
    cost = cost_of("null fetch", [sys.executable, *words], timeout_s=contestants.TIMEOUT_S)
    if cost.out.strip() != str(number):
        raise BenchFailed("null fetch", why=f"{cost.out.strip()[:20]} of {number:,} were answered")
    return Sample(number / cost.wall_s, cost.cpu_s / number * 1000, cost.peak_kib / 1024)


def ceiling(rounds: Rounds, server: Server) -> Sample:
    """Let wrk fetch for the seconds of a turn, since it cannot stop at a number."""
    found = load(f"{server.url}/", seconds=rounds.seconds, core=(), fields=("Connection: close",))
    return Sample(found.requests_per_s, found.cost.cpu_s / found.requests * 1000, found.cost.peak_kib / 1024)


def alone(turn: Fetch, core: Core, directory: Path) -> Sample:
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
