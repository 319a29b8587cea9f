"""The survey beside the newest curl that Debian has, both in containers: part of `lab bench wget`.

The parallel mode of curl 8 is not that of curl 7. The images differ, and nothing else: the same network, the same
cores, the same server.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.bench.baselines import null_fetch
from lab.bench.harness import containers
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.load import servers
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import IN_QUICK, Rounds, Say, interleaved
from lab.bench.wget import contestants
from lab.bench.wget.contestants import CURL_BEGINS, TIMEOUT_S, Sample, client_command, curl_command, curl_input
from lab.bench.wget.one_host import HOST, MOST_COST, SLOWER, null_sample, null_words, routes, work
from lab.errors import LabError

CURL, OURS = "curl in a container", "services.client in a container, uvloop"
NULL = "null in a container, Python's ceiling"
NULL_FILE = "/null_fetch.py"
TITLE = "wget, in containers"
Found = tuple[tuple[Group, ...], str]
"""The tables, and the line that says how they were made, or why there are none."""


def measure(rounds: Rounds, core: Core, say: Say, *, held_by: str) -> Found:
    """Let both fetch in turns, and Python's ceiling. Without containers there are no tables.

    `held_by`: what takes the processor time of a fetch.
    """
    if refusal := containers.refusal() if rounds.containers else IN_QUICK:
        return (), f"the newest curl is left out: {refusal}"
    try:
        peers, own = containers.peers_image(say), containers.own_image("client")
    except LabError as error:
        return (), f"the newest curl is left out: {error.problem}"
    turns: list[tuple[str, Callable[[], Sample]]] = [
        (OURS, partial(alone, partial(ours, own, rounds.targets), core)),
        (CURL, partial(alone, partial(curl, peers, max(1, rounds.targets // SLOWER)), core)),
        (NULL, partial(alone, partial(null, own, rounds.targets), core)),
    ]
    measured = interleaved(turns, rounds.number, lambda line: say(f"wget: {line}"))
    version = containers.version(peers, "curl", "--version")
    return groups(measured, held_by), f"in containers: curl {version} of {peers}, and {own}"


def groups(measured: dict[str, list[Sample]], held_by: str) -> tuple[Group, ...]:
    """Return the rate and the processor time of all; a container's memory has the pages of its files with it."""
    rates = tuple(
        Row(name, tuple(turn.fetches_per_s for turn in turns), name == OURS) for name, turns in measured.items()
    )
    costs = tuple(
        Row(name, tuple(turn.cpu_s_per_1000 for turn in turns), name == OURS) for name, turns in measured.items()
    )
    return (
        Group(TITLE, "fetches/s", rates, CURL, goals=(Goal(OURS, 3.0, CURL, held_by, NULL),)),
        Group(
            f"{TITLE}: what they cost",
            "processor s/1,000",
            costs,
            CURL,
            higher_is_better=False,
            goals=(Goal(OURS, MOST_COST, CURL, held_by, NULL),),
        ),
    )


def alone(turn: Callable[[Server], Sample], core: Core) -> Sample:
    """Let one of them fetch from a new server."""
    with servers.nginx(core.server) as server:
        return turn(server)


def ours(image: str, number: int, server: Server) -> Sample:
    """Let this project's client fetch in its image."""
    todo = work(number, HOST, routes(server))
    words = ("python3", *client_command(todo.concurrency, "uvloop", todo.resolve)[1:])
    cost = containers.cost_in(
        "client wget in a container", image, words, timeout_s=TIMEOUT_S, stdin=todo.lines().encode()
    )
    return contestants.sample_of("client wget in a container", cost, todo, contestants.is_answered)


def curl(image: str, number: int, server: Server) -> Sample:
    """Let the newest curl fetch."""
    todo = work(number, f"{server.url}/")
    words = curl_command("curl", todo)
    cost = containers.cost_in(CURL, image, words, timeout_s=TIMEOUT_S, stdin=curl_input(todo).encode())
    return contestants.sample_of(CURL, cost, todo, contestants.is_curls, CURL_BEGINS)


def null(image: str, number: int, server: Server) -> Sample:
    """Let Python's ceiling fetch, in our image."""
    words = ("python3", NULL_FILE, *null_words(number, server))
    cost = containers.cost_in(NULL, image, words, timeout_s=TIMEOUT_S, volumes={Path(null_fetch.__file__): NULL_FILE})
    return null_sample(number, cost)
