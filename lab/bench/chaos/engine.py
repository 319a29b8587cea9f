"""The engine as the chaos needs it: commands that the loop waits for, and what the engine tells of containers."""

import asyncio
import contextlib
import json
import os
import re
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from lab.command import NOT_FOUND, TIMED_OUT, Outcome
from services.runtime.alongside import alongside

COMMAND_S = 60.0
ABOUT_TO_END_S = 0.5
FILTERS = ("die", "oom", "start", "health_status")
CGROUPS = Path("/sys/fs/cgroup")
MOST_LINE_BYTES = 1 << 20
# A worker is a process of the service whose parent is one too; a server without workers is its own.
KILL_WORKER = """
import os, pathlib, signal
own = {}
for each in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        if b"services.hello" in (each / "cmdline").read_bytes() and int(each.name) != 1:
            own[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        pass
workers = [pid for pid, parent in own.items() if parent in own]
os.kill((workers or list(own))[0], signal.SIGKILL)
"""


async def docker(*words: str, timeout_s: float = COMMAND_S) -> Outcome:
    """Run the Docker client to its end; kill it after `timeout_s` seconds."""
    try:
        process = await asyncio.create_subprocess_exec("docker", *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
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
    """Let a process end that is about to, and kill one that is not.

    To kill one that ends at this very moment would take its exit code away from the loop, which warns of it.
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
    """Run the Docker client while inside, with `given` on its stdin, and give the lines that it prints."""
    process = await asyncio.create_subprocess_exec(
        "docker", *words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=MOST_LINE_BYTES
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
    """Give a stream's lines."""
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
    """Return what a line of `docker events` tells of a service; None for what does not concern it."""
    event = json.loads(line)
    facts = event["Actor"]["Attributes"]
    what = event["Action"].removeprefix("health_status: ")
    service = facts.get("com.docker.compose.service", "")
    if what not in {"die", "oom", "start", "healthy"} or facts.get("com.docker.compose.oneoff") == "True":
        return None
    return Moment(event["timeNano"] / 1e9, service, what, int(facts.get("exitCode", 0)))


class Watch:
    """What the engine tells of a project's services, as it happens."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.moments: list[Moment] = []
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while inside."""
        async with alongside(self._follow()):
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
        """Return the first such moment of a service after a time, None if there is none soon enough."""

        def found() -> Moment | None:
            alike = (each for each in self.moments if (each.service, each.what) == (service, what))
            return next((each for each in alike if each.at_s > after_s), None)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._news:
                return await self._news.wait_for(found)
        return found()

    async def well_again(self, service: str, *, after_s: float, within_s: float) -> Moment | None:
        """Return when a service was healthy after it had started again, None if it was not soon enough."""
        last_s = time.monotonic() + within_s
        start = await self.next(service, "start", after_s=after_s, within_s=within_s)
        if start is None:
            return None
        return await self.next(service, "healthy", after_s=start.at_s, within_s=last_s - time.monotonic())


@dataclass(frozen=True, slots=True)
class Memory:
    """What a container holds and has held, in bytes: all that counts against its limit, and what is no cache."""

    most: int
    anonymous: int
    limit: int


@dataclass(slots=True)
class Service:
    """A service's container."""

    name: str
    container: str
    pid: int = 0

    async def look(self) -> dict[str, object]:
        """Return its state, as the engine has it, and note its process."""
        found = await docker("inspect", "--format", "{{json .State}} {{.RestartCount}}", self.container)
        if not found.ok:
            return {}
        text, _, restarts = found.out.strip().rpartition(" ")
        state: dict[str, object] = json.loads(text)
        self.pid = int(str(state["Pid"]))
        return {**state, "RestartCount": int(restarts)}

    def is_here(self) -> bool:
        """Return whether its main process is one of this machine, and this process may end it."""
        try:
            return os.geteuid() == 0 and self.container in Path(f"/proc/{self.pid}/cgroup").read_text("ascii")
        except OSError:
            return False

    async def kill(self) -> bool:
        """Kill its main process, as a fault would; return False where only the engine can, which starts it again."""
        await self.look()
        if self.is_here():
            os.kill(self.pid, SIGKILL)
            return True
        await docker("kill", self.container)
        await docker("start", self.container)
        return False

    async def kill_worker(self) -> bool:
        """Kill one of its workers."""
        return (await docker("exec", self.container, "python3", "-c", KILL_WORKER)).ok

    def memory(self) -> Memory | None:
        """Return what it holds, None where this machine's files do not tell."""
        try:
            groups = Path(f"/proc/{self.pid}/cgroup").read_text("ascii")
            return memory_in(groups) if self.container in groups else None
        except (OSError, ValueError):
            return None


def memory_in(groups: str, root: Path = CGROUPS) -> Memory | None:
    """Return what a control group holds, version 1 or 2 (cgroups(7)). `groups`: what /proc/PID/cgroup says."""
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            group = root / "memory" / path.lstrip("/")
            names = ("memory.max_usage_in_bytes", "total_rss", "memory.limit_in_bytes")
        elif not controllers and root.joinpath(path.lstrip("/"), "memory.peak").exists():
            group, names = root / path.lstrip("/"), ("memory.peak", "anon", "memory.max")
        else:
            continue
        anonymous = re.search(rf"^{names[1]} (\d+)$", (group / "memory.stat").read_text("ascii"), re.MULTILINE)
        most, limit = ((group / name).read_text("ascii").strip() for name in (names[0], names[2]))
        return Memory(int(most), int(anonymous[1]) if anonymous else 0, 0 if limit == "max" else int(limit))
    return None


async def services_of(project: str) -> list[Service]:
    """Return the services of a project that run."""
    own = f"label=com.docker.compose.project={project}"
    form = '{{.ID}} {{.Label "com.docker.compose.service"}} {{.Label "com.docker.compose.oneoff"}}'
    listed = await docker("ps", "--no-trunc", "--filter", own, "--format", form)
    rows = [line.split() for line in listed.out.splitlines()]
    return sorted((Service(row[1], row[0]) for row in rows if row[2:] != ["True"]), key=lambda service: service.name)
