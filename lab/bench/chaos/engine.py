"""Docker commands that the event loop can wait for, and the engine's events about a project's containers."""

import asyncio
import contextlib
import json
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lab.subprocesses import NOT_FOUND, TIMED_OUT, Outcome
from services.runtime.tasks import background_task

COMMAND_S = 60.0
ABOUT_TO_END_S = 0.5
FILTERS = ("die", "oom", "start", "health_status")
MAX_LINE_BYTES = 1 << 20


async def docker(*words: str, timeout_s: float = COMMAND_S, environ: Mapping[str, str] | None = None) -> Outcome:
    """Run the Docker client to its end; kill it after `timeout_s` seconds. `environ`: if not this process's."""
    try:
        process = await asyncio.create_subprocess_exec(
            "docker", *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environ
        )
    except OSError as error:
        return Outcome(NOT_FOUND, err=f"docker: {error.strerror}")
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    except TimeoutError:
        return Outcome(TIMED_OUT, err=f"docker {words[0]}: no answer in {timeout_s:g} s")
    finally:
        await put_an_end_to(process)
    return Outcome(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def put_an_end_to(process: asyncio.subprocess.Process) -> None:
    """Wait a moment for a process that is about to end, and kill it if it does not.

    A process that is killed while it ends has no exit code for the loop, which then warns.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ABOUT_TO_END_S):
            await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def lines_of(*words: str, given: bytes = b"") -> AsyncIterator[AsyncIterator[str]]:
    """Run the Docker client while inside, with `given` on its stdin, and yield the lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        "docker", *words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=MAX_LINE_BYTES
    )
    assert process.stdin  # noqa: S101 - it was started with a pipe
    assert process.stdout  # noqa: S101
    try:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()
        yield decoded(process.stdout)
    finally:
        await put_an_end_to(process)


async def decoded(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield a stream's lines as text."""
    async for line in stream:
        yield line.decode("utf-8", "replace").rstrip("\n")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a container: `what` is die, oom, start or healthy. Seconds since the epoch."""

    at_s: float
    service: str
    what: str
    exit_code: int = 0


def read_moment(line: str) -> Moment | None:
    """Return the event in a line of `docker events`; None for one that is not about a service."""
    event = json.loads(line)
    facts = event["Actor"]["Attributes"]
    what = event["Action"].removeprefix("health_status: ")
    service = facts.get("com.docker.compose.service", "")
    if what not in {"die", "oom", "start", "healthy"} or facts.get("com.docker.compose.oneoff") == "True":
        return None
    return Moment(event["timeNano"] / 1e9, service, what, int(facts.get("exitCode", 0)))


class Watch:
    """Collects the engine's events about a project's services, as they happen."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.moments: list[Moment] = []
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Collect events while inside."""
        async with background_task(self._follow()):
            yield

    async def _follow(self) -> None:
        filters = [word for each in FILTERS for word in ("--filter", f"event={each}")]
        label = f"label=com.docker.compose.project={self.project}"
        async with lines_of("events", "--filter", label, *filters, "--format", "{{json .}}") as lines:
            async for line in lines:
                if moment := read_moment(line):
                    async with self._news:
                        self.moments.append(moment)
                        self._news.notify_all()

    async def next(self, service: str, what: str, *, after_s: float, within_s: float) -> Moment | None:
        """Return the first such event of a service after a time; None if there is none within `within_s`."""

        def found() -> Moment | None:
            alike = (each for each in self.moments if (each.service, each.what) == (service, what))
            return next((each for each in alike if each.at_s > after_s), None)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._news:
                return await self._news.wait_for(found)
        return found()

    async def healthy_again(
        self, service: str, *, after_s: float, within_s: float, has_health: bool = True
    ) -> Moment | None:
        """Return when a service was healthy after it had started again; None if it was not within `within_s`.

        A service without a health check is healthy when it has started.
        """
        last_s = time.monotonic() + within_s
        start = await self.next(service, "start", after_s=after_s, within_s=within_s)
        if start is None or not has_health:
            return start
        return await self.next(service, "healthy", after_s=start.at_s, within_s=last_s - time.monotonic())
