"""A service's container: its state, how to kill it, and how much memory it holds."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from lab.bench.chaos.engine import docker

CGROUPS = Path("/sys/fs/cgroup")
# A worker is a process of the service whose parent is one too. A server without workers does the work itself.
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


@dataclass(frozen=True, slots=True)
class Memory:
    """A container's memory in bytes: the most so far of what counts against its limit, and its anonymous memory."""

    most: int
    anonymous: int
    limit: int


@dataclass(slots=True)
class Service:
    """One service of the lab, with its only container, by name and id."""

    name: str
    container: str
    pid: int = 0
    has_health: bool = True

    async def look(self) -> dict[str, object]:
        """Return its state from the engine, and note its main process."""
        found = await docker("inspect", "--format", "{{json .State}} {{.RestartCount}}", self.container)
        if not found.ok:
            return {}
        text, _, restarts = found.out.strip().rpartition(" ")
        state: dict[str, object] = json.loads(text)
        self.pid, self.has_health = int(str(state["Pid"])), bool(state.get("Health"))
        return {**state, "RestartCount": int(restarts)}

    def is_here(self) -> bool:
        """Return whether its main process is on this machine, and this process may kill it."""
        try:
            return os.geteuid() == 0 and self.container in Path(f"/proc/{self.pid}/cgroup").read_text("ascii")
        except OSError:
            return False

    async def kill(self) -> bool:
        """Kill its main process, as a fault would. Return False where only the engine can; it is then started again."""
        await self.look()
        if self.is_here():
            os.kill(self.pid, SIGKILL)
            return True
        await docker("kill", self.container)
        await docker("start", self.container)
        return False

    async def kill_worker(self) -> bool:
        return (await docker("exec", self.container, "python3", "-c", KILL_WORKER)).ok

    def memory(self) -> Memory | None:
        """Return its memory; None where this machine's files do not say."""
        try:
            lines = Path(f"/proc/{self.pid}/cgroup").read_text("ascii").splitlines()
            # A process that is being started is moved into its groups one after another; before that it is in the root.
            return memory_in("\n".join(line for line in lines if self.container in line))
        except (OSError, ValueError):
            return None


def memory_in(groups: str, root: Path = CGROUPS) -> Memory | None:
    """Return the memory of a control group, version 1 or 2 (cgroups(7)). `groups`: the text of /proc/PID/cgroup."""
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
