"""The tasks of a stack: which container of which service is on which node, and how it is."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.swarm.endpoints import Endpoint, reason_of
from lab.swarm.errors import StackRefused

NAMESPACE = "com.docker.stack.namespace"
RUNNING = "Running"
ENDED_BADLY = ("Failed", "Rejected", "Orphaned")
DEATHS = 3  # as often as a service may end during a start before it is called failed
LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Task:
    """One container that a service has, is to have, or had. `since`: for how long it is so, in Docker's words."""

    id: str
    service: str
    number: str
    node: str
    wanted: str
    state: str
    since: str = ""
    error: str = ""

    @property
    def is_wanted(self) -> bool:
        """Whether the Swarm means it to run; else it is a task that another has replaced."""
        return self.wanted in {RUNNING, "Ready"}

    @property
    def runs(self) -> bool:
        """Whether it runs and, where it has a health check, has passed it."""
        return self.wanted == RUNNING and self.state == RUNNING


def of_stack(manager: Endpoint, stack: str) -> list[Task]:
    """Return the tasks of a stack, those too that were replaced. Raises StackRefused or NodeSilent."""
    outcome = manager.docker("stack", "ps", "--no-trunc", "--format", "{{json .}}", stack)
    if not outcome.ok:
        if "nothing found in stack" in outcome.err.lower():
            return []
        raise StackRefused("looking at the tasks", reason=reason_of(outcome))
    return [read(json.loads(line), stack) for line in outcome.out.splitlines() if line.strip()]


def read(facts: Mapping[str, str], stack: str) -> Task:
    """Return the task in a line of `docker stack ps`, whose names are `STACK_SERVICE.NUMBER`."""
    service, _, number = facts["Name"].removeprefix(f"{stack}_").rpartition(".")
    state, _, since = facts["CurrentState"].partition(" ")
    return Task(
        id=facts["ID"],
        service=service,
        number=number,
        node=facts.get("Node", ""),
        wanted=facts["DesiredState"],
        state=state,
        since=since,
        error=facts.get("Error", "").strip('"'),
    )


def waiting(tasks: Iterable[Task], replicas: Mapping[str, int]) -> list[str]:
    """Return the services that do not have all containers running."""
    running = Counter(task.service for task in tasks if task.runs)
    return sorted(name for name, count in replicas.items() if running[name] < count)


def failing(tasks: Iterable[Task]) -> list[str]:
    """Return the services whose containers ended too often for a start."""
    ended = Counter(task.service for task in tasks if task.state in ENDED_BADLY)
    return sorted(name for name, count in ended.items() if count >= DEATHS)


def evidence(manager: Endpoint, stack: str, tasks: Sequence[Task], services: Sequence[str]) -> list[str]:
    """Return what a person needs to see of services that do not run: their tasks, and what they wrote last."""
    told = []
    for service in services:
        for task in (each for each in tasks if each.service == service):
            where = f" on {task.node}" if task.node else ""
            told.append(f"{service}{where}: {task.state} {task.since}{f' ({task.error})' if task.error else ''}")
        logs = manager.docker("service", "logs", "--raw", "--tail", str(LAST_LINES), f"{stack}_{service}")
        told += [f"  {line}" for line in logs.tail(LAST_LINES)]
    return told
