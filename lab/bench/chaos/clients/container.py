"""The clients' containers of a chaos run, in which attacks and the healthy client run as scripts."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lab.bench.chaos.clients import inside
from lab.bench.chaos.engine import docker, lines_of
from lab.bench.chaos.found import Answer
from lab.bench.chaos.schedule import HELLO, HELLO_PORT, HOSTS, Step
from lab.bench.errors import BenchFailed
from lab.compose.stack import Stack
from services.runtime.http import HTTP_PORT, TLS_PORT

CA = "/lab-ca/ca.pem"
WAIT = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep({seconds})"
END_SCRIPTS = (
    "import os, signal; os.kill(-1, signal.SIGINT)"  # all processes but the container's first, which ignores it
)
FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).read().decode())"
CLEAR = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='DELETE'), timeout=20)"
MAX_S = 1_800.0
"""How many seconds a container lives after the load, if it is not taken down."""

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Client:
    """A container with the client's image, in which scripts run."""

    container: str

    async def run(self, code: str, *words: str) -> str:
        """Run a short Python program, and return what it printed; nothing where it fails."""
        done = await docker("exec", self.container, "python3", "-c", code, *words)
        return done.out if done.ok else ""

    async def fetch(self, url: str) -> str:
        """Return the answer of a URL; nothing where there is none."""
        return await self.run(FETCH, url)

    async def end_scripts(self) -> None:
        await self.run(END_SCRIPTS)

    @asynccontextmanager
    async def script(self, module: str, order: str) -> AsyncIterator[AsyncIterator[str]]:
        """Run a script while inside, and yield the lines that it prints."""
        words = ("exec", "-i", self.container, "python3", "-", order)
        async with lines_of(*words, given=inside.script(module)) as lines:
            yield lines

    async def attack(self, step: Step) -> AsyncIterator[Event]:
        """Carry out a step, and yield its events."""
        order = inside.order(
            attack=step.kind,
            host=HOSTS.get(step.service, step.service),
            port=step.port,
            count=step.count,
            seconds=step.seconds,
            per_s=step.per_s,
            seed=step.seed,
            name=step.name,
        )
        async with self.script(inside.SCRIPTS[step.kind], order) as lines:
            async for line in lines:
                with contextlib.suppress(ValueError):  # a line of a program in between is no event
                    yield json.loads(line)

    async def run_healthy(self, services: Sequence[str], seconds: float) -> AsyncIterator[Answer]:
        """Ask every service by HTTP, and the sites by HTTPS too, and yield the answers."""
        targets: list[tuple[str, str, int, str]] = [(HELLO, HELLO, HELLO_PORT, "http")]
        for service, host in HOSTS.items():
            targets += [(service, host, HTTP_PORT, "http"), (service, host, TLS_PORT, "https")]
        order = {"seconds": seconds, "ca": CA, "targets": [each for each in targets if each[0] in services]}
        async with self.script(inside.HEALTHY, json.dumps(order)) as lines:
            async for line in lines:
                with contextlib.suppress(ValueError, TypeError):
                    yield Answer(*json.loads(line))


async def start(stack: Stack, seconds: float) -> Client:
    """Start a client's container that does nothing by itself. Raises BenchFailed."""
    words = ("run", "--detach", "--rm", "--no-deps", "--entrypoint", "python3", "client", "-c")
    command = stack.command(*words, WAIT.format(seconds=seconds + MAX_S))
    done = await docker(*command[1:], environ=stack.settings.environ)
    if not done.ok:
        raise BenchFailed("chaos", why="a client's container does not start", evidence=done.tail())
    return Client(done.out.split()[-1])
