"""The starts in containers, in a project that is there for this alone, and is gone at the end."""

from functools import partial

from lab import subprocesses
from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Group, Promise, Row, Table
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.start import sizes
from lab.compose.stack import Stack
from lab.docker import base_image
from lab.settings import Settings
from lab.subprocesses import Runner
from lab.timed import timed

PROJECT = "asynclab-bench-start"
TRUE, CLIENT, UP = "docker run --rm true", "docker compose run --rm client wget", "make up, warm"
OVER_TRUE_S = 0.8
CLIENT_MB = 60
TIMEOUT_S = 120.0


def measure(rounds: Rounds, settings: Settings, say: Say) -> tuple[Group, Table, tuple[Promise, ...]]:
    """Return the seconds of each start, the sizes of images, and which goals are reached."""
    tag = settings.environ.get("LAB_TAG", "latest")
    stack = Stack(PROJECT, settings.with_environment({"HELLO_PORT": "0", "GATEWAY_PORT": "0"}))
    try:
        stack.up(say)
        turns = [
            (TRUE, lambda: timed(partial(run_true, f"asynclab/client:{tag}"))),
            (CLIENT, lambda: timed(lambda: stack.run_client(["wget"]))),
        ]
        measured = interleaved(turns, rounds.number, lambda line: say(f"start: {line}"))
        ups = [timed(lambda: stack.up(say), before=stack.down) for _ in range(rounds.number)]
    finally:
        stack.down()
    measured[UP] = ups
    rows = tuple(Row(name, tuple(values), ours=name != TRUE) for name, values in measured.items())
    group = Group("start, in containers", "s", rows, TRUE, higher_is_better=False)
    images = sizes.table(base_image.wanted(settings), tag)
    return group, images, (over_true(rows), client_size(images))


def run_true(image: str, run: Runner = subprocesses.run) -> None:
    """Start a container that does nothing, and wait for its end. Raises BenchFailed."""
    found = run(("docker", "run", "--rm", "--network", "none", "--entrypoint", "true", image), timeout_s=TIMEOUT_S)
    if not found.ok:
        raise BenchFailed(TRUE, why=f"exit code {found.code}", evidence=found.tail())


def over_true(rows: tuple[Row, ...]) -> Promise:
    """Return whether a client's run takes little longer than a container that does nothing."""
    true, client = (next(row.median for row in rows if row.subject == name) for name in (TRUE, CLIENT))
    text = f"{CLIENT} at most {OVER_TRUE_S:g} s over {TRUE}"
    return Promise(text, client - true <= OVER_TRUE_S, f"{client - true:.2f} s", is_goal=True)


def client_size(images: Table) -> Promise:
    """Return whether the client's image is small; not, where its size is not known."""
    beyond = next((row[2] for row in images.rows if row[0] == "client"), None)
    text = f"the client's image at most {CLIENT_MB} MB beyond its base"
    if not isinstance(beyond, float):
        return Promise(text, False, "not known", is_goal=True)
    return Promise(text, beyond <= CLIENT_MB, f"{beyond:.1f} MB", is_goal=True)
