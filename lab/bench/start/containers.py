"""The starts in containers, in a project that is there for this alone, and is gone at the end."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab import subprocesses
from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Group, Promise, Row, Table
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.start import sizes
from lab.compose.stack import Stack
from lab.docker import base_image
from lab.settings import Settings
from lab.subprocesses import Outcome
from lab.timed import timed
from services.runtime.files.temporary import temporary_directory

PROJECT = "asynclab-bench-start"
TRUE, CLIENT, UP = "docker run --rm true", "docker compose run --rm client wget", "make up, warm"
MINIMAL = "docker compose run --rm true, of a file with nothing else"
OF_CLIENT = "docker compose run --rm --entrypoint true client"
OVER_TRUE_S = 0.8
CLIENT_MB = 60
TIMEOUT_S = 120.0


def measure(rounds: Rounds, settings: Settings, say: Say) -> tuple[Group, Table, tuple[Promise, ...]]:
    """Return the seconds of each start, the sizes of images, and which goals are reached."""
    tag = settings.environ.get("LAB_TAG", "latest")
    image = f"asynclab/client:{tag}"
    stack = Stack(PROJECT, settings.with_environment({"HELLO_PORT": "0", "GATEWAY_PORT": "0", "WATCH_PORT": "0"}))
    prepared = stack.prepared(say)
    prepared.build(say)
    try:
        ups = [timed(lambda: stack.up(say))]
        with temporary_directory("asynclab-bench-") as directory:
            turns = [(name, partial(timed, start)) for name, start in starts(stack, image, directory)]
            measured = interleaved(turns, rounds.number, lambda line: say(f"start: {line}"))
        ups += [timed(lambda: stack.up(say), before=stack.down) for _ in range(rounds.number - 1)]
    finally:
        stack.down()
    measured[UP] = ups
    rows = tuple(Row(name, tuple(values), ours=name in {CLIENT, UP}) for name, values in measured.items())
    group = Group("start, in containers", "s", rows, TRUE, higher_is_better=False)
    images = sizes.table(base_image.wanted(settings), tag)
    return group, images, (over_true(rows), client_size(images))


def starts(stack: Stack, image: str, directory: Path) -> list[tuple[str, Callable[[], None]]]:
    """Return each start of one container: by Docker, by Compose from the least of files, and of the client."""
    file = directory / "compose.json"
    file.write_text(json.dumps({"name": f"{PROJECT}-true", "services": {"true": least(image)}}), "utf-8")
    true = ("docker", "run", "--rm", "--network", "none", "--entrypoint", "true", image)
    minimal = ("docker", "compose", "--file", str(file), "run", "--rm", "-T", "true")
    one_off = partial(stack.compose, "run", "--rm", "-T", timeout_s=TIMEOUT_S)
    runs: dict[str, Callable[[], Outcome]] = {
        TRUE: partial(subprocesses.run, true, timeout_s=TIMEOUT_S),
        MINIMAL: partial(subprocesses.run, minimal, timeout_s=TIMEOUT_S),
        OF_CLIENT: partial(one_off, "--entrypoint", "true", "client"),
        CLIENT: partial(one_off, "client", "wget"),
    }
    return [(name, partial(to_its_end, name, run)) for name, run in runs.items()]


def least(image: str) -> dict[str, object]:
    """Return a service that does nothing, without a network or a volume."""
    return {"image": image, "entrypoint": ["true"], "network_mode": "none"}


def to_its_end(name: str, run: Callable[[], Outcome]) -> None:
    """Run a command to its end. Raises BenchFailed where it fails."""
    found = run()
    if not found.ok:
        raise BenchFailed(name, why=f"exit code {found.code}", evidence=found.tail())


def over_true(rows: tuple[Row, ...]) -> Promise:
    """Return whether a client's run takes little longer than a container that does nothing."""
    at_s = {row.subject: row.median for row in rows}
    over_s = at_s[CLIENT] - at_s[TRUE]
    return Promise(
        f"{CLIENT} at most {OVER_TRUE_S:g} s over {TRUE}",
        over_s <= OVER_TRUE_S,
        f"{over_s:.2f} s",
        is_goal=True,
        held_by=f"Compose, the client's two networks, and {at_s[CLIENT] - at_s[OF_CLIENT]:.2f} s of the client itself",
        ceiling=f"{MINIMAL}: {at_s[MINIMAL] - at_s[TRUE]:.2f} s; {OF_CLIENT}: {at_s[OF_CLIENT] - at_s[TRUE]:.2f} s",
    )


def client_size(images: Table) -> Promise:
    """Return whether the client's image is small; not, where its size is not known."""
    beyond_mb = {row[0]: row[2] for row in images.rows if isinstance(row[2], float)}
    client_mb = beyond_mb.get("client")
    return Promise(
        f"the client's image at most {CLIENT_MB} MB beyond its base",
        client_mb is not None and client_mb <= CLIENT_MB,
        in_mb(client_mb),
        is_goal=True,
        held_by="its packages (requirements/client.txt)",
        ceiling=f"the gateway's image, which has no packages: {in_mb(beyond_mb.get('gateway'))}",
    )


def in_mb(size_mb: float | None) -> str:
    """Return a size in words."""
    return "not known" if size_mb is None else f"{size_mb:.1f} MB"
