"""The clients' containers of a chaos run: what attacks, and what asks as it should. Scripts are sent into them."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lab.bench.chaos.clients import inside
from lab.bench.chaos.engine import docker, lines_of
from lab.bench.chaos.found import Answer
from lab.bench.chaos.schedule import HELLO, HELLO_PORT, HOSTS, HTTP, TLS, Step
from lab.bench.errors import BenchFailed
from lab.compose.stack import Stack

CA = "/lab-ca/ca.pem"
WAIT = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep({seconds})"
END_SCRIPTS = "import os, signal; os.kill(-1, signal.SIGINT)"  # all but the container's own, which takes no notice
FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).read().decode())"
CLEAR = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='DELETE'), timeout=20)"
LONGEST_S = 1_800.0
"""How much longer than the load a container may live, if it is not taken down."""

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Client:
    """A container with the client's image, in which scripts run."""

    container: str

    async def run(self, code: str, *words: str) -> str:
        """Run a short piece of Python, and return what it printed; nothing where it fails."""
        done = await docker("exec", self.container, "python3", "-c", code, *words)
        return done.out if done.ok else ""

    async def fetch(self, url: str) -> str:
        """Return what a URL answers, nothing where it does not."""
        return await self.run(FETCH, url)

    async def end_scripts(self) -> None:
        """End whatever runs in it."""
        await self.run(END_SCRIPTS)

    @asynccontextmanager
    async def script(self, module: str, order: str) -> AsyncIterator[AsyncIterator[str]]:
        """Run a script while inside, and give the lines that it prints."""
        words = ("exec", "-i", self.container, "python3", "-", order)
        async with lines_of(*words, given=inside.script(module)) as lines:
            yield lines

    async def attack(self, step: Step) -> AsyncIterator[Event]:
        """Carry out a step, and give its events."""
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
                with contextlib.suppress(ValueError):  # what a program in between says is no event
                    yield json.loads(line)

    async def ask_as_it_should(self, services: Sequence[str], seconds: float) -> AsyncIterator[Answer]:
        """Ask every service by HTTP, and the sites by HTTPS too, and give what is answered."""
        targets: list[tuple[str, str, int, str]] = [(HELLO, HELLO, HELLO_PORT, "http")]
        for service, host in HOSTS.items():
            targets += [(service, host, HTTP, "http"), (service, host, TLS, "https")]
        order = {"seconds": seconds, "ca": CA, "targets": [each for each in targets if each[0] in services]}
        async with self.script(inside.HEALTHY, json.dumps(order)) as lines:
            async for line in lines:
                with contextlib.suppress(ValueError, TypeError):
                    yield Answer(*json.loads(line))


async def start(stack: Stack, seconds: float) -> Client:
    """Start a client's container that does nothing by itself. Raises BenchFailed."""
    words = ("run", "--detach", "--rm", "--no-deps", "--entrypoint", "python3", "client", "-c")
    command = stack.command(*words, WAIT.format(seconds=seconds + LONGEST_S))
    done = await docker(*command[1:], environ=stack.settings.environ)
    if not done.ok:
        raise BenchFailed("chaos", why="a client's container does not start", evidence=done.tail())
    return Client(done.out.split()[-1])
