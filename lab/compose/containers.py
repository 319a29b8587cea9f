"""The containers of a project, as the engine has them now, and which of them are healthy."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab import subprocesses
from lab.compose.errors import ComposeRefused
from lab.docker.errors import EngineSilent
from lab.errors import LabError
from lab.subprocesses import TIMED_OUT, Outcome, Runner

LOOK_TIMEOUT_S = 30.0
LABEL = "com.docker.compose"
LAST_CHECKS = 3
LAST_LINES = 15
DEATHS = 3  # as often as a service may end during a start before it is called failed

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """One container. `restarts`: how often the engine restarted it; `health`: "" where it has no health check.

    `created`: when it was made, in seconds since 1970.
    """

    service: str
    id: str
    image: str
    status: str
    exit_code: int
    restarts: int
    health: str
    checks: tuple[tuple[int, str], ...]
    ports: frozenset[int]
    one_off: bool
    created: float = 0.0

    @property
    def is_healthy(self) -> bool:
        """Whether it runs and, where it has a health check, passes it."""
        return self.status == "running" and self.health in {"", "healthy"}

    @property
    def has_failed(self) -> bool:
        """Whether it has ended, or failed its health check as often as it may."""
        return self.status in {"exited", "dead"} or self.health == "unhealthy"


def of_project(project: str, *, run: Runner = subprocesses.run) -> list[Container]:
    """Return the containers of a project, ended ones too. Raises EngineSilent or ComposeRefused."""
    ours = ("--filter", f"label={LABEL}.project={project}")
    listed = asked(("docker", "ps", "--all", "--quiet", "--no-trunc", *ours), run=run)
    if not listed.ok:
        raise refused(listed)
    ids = listed.out.split()
    if not ids:
        return []
    inspected = asked(("docker", "container", "inspect", *ids), run=run)
    if (
        not inspected.ok and "No such container" not in inspected.err
    ):  # a container that was removed meanwhile is no error
        raise refused(inspected)
    return [read(facts) for facts in json.loads(inspected.out)]


def asked(words: Sequence[str], *, run: Runner) -> Outcome:
    """Run a command that only looks. Raises EngineSilent where it gives no answer."""
    outcome = run(words, timeout_s=LOOK_TIMEOUT_S)
    if outcome.code == TIMED_OUT:
        raise EngineSilent(LOOK_TIMEOUT_S)
    return outcome


def refused(outcome: Outcome) -> LabError:
    """Return the error for a look that failed."""
    return ComposeRefused("looking at the containers", reason=outcome.err.strip() or f"exit code {outcome.code}")


def read(facts: Json) -> Container:
    """Return the container that an entry of `docker container inspect` describes."""
    state: Json = facts["State"]
    labels: Mapping[str, str] = facts["Config"]["Labels"] or {}
    health: Json = state.get("Health") or {}
    return Container(
        service=labels.get(f"{LABEL}.service", facts["Name"]),
        id=facts["Id"],
        image=facts["Image"],
        status=state["Status"],
        exit_code=state["ExitCode"],
        restarts=facts.get("RestartCount", 0),
        health=health.get("Status", "").replace("none", ""),
        checks=tuple((each["ExitCode"], each["Output"].strip()) for each in (health.get("Log") or [])[-LAST_CHECKS:]),
        ports=frozenset(published(facts["HostConfig"], facts["NetworkSettings"])),
        one_off=labels.get(f"{LABEL}.oneoff") == "True",
        created=datetime.fromisoformat(facts["Created"]).timestamp(),
    )


def published(asked_for: Json, given: Json) -> Iterator[int]:
    """Yield the host's ports at which a container is published, or will be again when it starts."""
    for ports in (asked_for.get("PortBindings"), given.get("Ports")):
        for bindings in (ports or {}).values():
            for binding in bindings or ():
                if (port := binding["HostPort"]).isdecimal() and port != "0":
                    yield int(port)


def last_lines(container: Container, lines: int, *, run: Runner = subprocesses.run) -> list[str]:
    """Return the last lines that a container wrote."""
    logs = run(("docker", "logs", "--tail", str(lines), container.id), timeout_s=LOOK_TIMEOUT_S)
    return list(logs.tail(lines))


def described(container: Container, lines: int, *, run: Runner = subprocesses.run) -> list[str]:
    """Return a container's name and state, its last lines and its health log."""
    often = f", started anew {container.restarts} times" if container.restarts else ""
    ended = "" if container.status == "running" else f", exit code {container.exit_code}"
    wrote = last_lines(container, lines, run=run)
    told = [f"{container.service}: {container.status}{ended}{often}; {'its last lines:' if wrote else 'no line yet'}"]
    told += [f"  {line}" for line in wrote]
    if container.checks:
        told.append(f"{container.service}: its health log:")
        told += [f"  exit code {code}: {output}" for code, output in container.checks]
    return told


def healthy(found: Sequence[Container], restarts: Mapping[str, int]) -> bool:
    """Return whether all services are healthy, and none has failed meanwhile.

    A service without a health check, as a worker, has to run without having ended meanwhile.
    """
    steady = all(each.health or each.restarts <= restarts.get(each.id, 0) for each in found)
    return bool(found) and steady and all(each.is_healthy for each in found) and not failing(found, restarts)


def failing(found: Sequence[Container], restarts: Mapping[str, int]) -> list[Container]:
    """Return the services that will not become healthy: ended, unhealthy, or restarted too often.

    `restarts`: how often the engine had restarted each container before this start.
    """
    return [each for each in found if each.has_failed or each.restarts - restarts.get(each.id, 0) >= DEATHS]


def names(found: Sequence[Container]) -> list[str]:
    """Return the services of these containers, each once."""
    return sorted({each.service for each in found})


def evidence(found: Sequence[Container]) -> list[str]:
    """Return what a person needs to see of containers that are not healthy."""
    return [line for container in found for line in described(container, LAST_LINES)]
