"""Engines by their addresses, and what each says of itself and of its Swarm."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab import subprocesses
from lab.subprocesses import TIMED_OUT, Outcome, Runner
from lab.swarm.errors import EndpointBad, NodeSilent, SwarmUnready

LOOK_TIMEOUT_S = 30.0
ADDRESS = re.compile(r"(?:ssh|tcp)://[^\s/'\"]+|unix:///[^\s'\"]+")
SSH_SAID = "stderr="  # before it, Docker's client puts the whole command line of ssh
MAX_REASON = 300
INACTIVE, ACTIVE = "inactive", "active"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An engine that Docker's client can ask. `url` is "" for the one that the client asks by itself."""

    url: str = ""
    run: Runner = subprocesses.run

    def __str__(self) -> str:
        return self.url or "this machine"

    def command(self, *words: str) -> tuple[str, ...]:
        """Return a command line of Docker's client for this engine."""
        return ("docker", *(("--host", self.url) if self.url else ()), *words)

    def docker(self, *words: str, timeout_s: float = LOOK_TIMEOUT_S) -> Outcome:
        """Run Docker's client to its end. Raises NodeSilent where the deadline passes."""
        outcome = self.run(self.command(*words), timeout_s=timeout_s)
        if outcome.code == TIMED_OUT:
            raise NodeSilent(str(self), reason=f"no answer in {timeout_s:g} s")
        return outcome


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered. `node`: its id in the Swarm, "" where it is in none."""

    endpoint: Endpoint
    node: str
    is_manager: bool
    platform: str


def endpoint(text: str, *, run: Runner = subprocesses.run) -> Endpoint:
    """Return the engine that a text names: a URL as in DOCKER_HOST, or the path of a socket. Raises EndpointBad."""
    url = f"unix://{text}" if text.startswith("/") else text
    if not ADDRESS.fullmatch(url):
        raise EndpointBad(text)
    return Endpoint(url, run)


def ask(asked: Endpoint) -> Engine:
    """Ask an engine for its part in a Swarm. Raises NodeSilent or SwarmUnready."""
    info = asked.docker("info", "--format", "{{json .}}")
    try:
        facts = json.loads(info.out)
    except ValueError:
        facts = {}
    if not facts.get("ServerVersion"):
        raise NodeSilent(str(asked), reason=reason_of(info, facts.get("ServerErrors") or ()))
    swarm: dict[str, Any] = facts.get("Swarm") or {}
    state = swarm.get("LocalNodeState") or INACTIVE
    if state not in {INACTIVE, ACTIVE}:
        raise SwarmUnready(str(asked), state=state, reason=swarm.get("Error") or "")
    return Engine(
        asked,
        node=swarm.get("NodeID", "") if state == ACTIVE else "",
        is_manager=bool(swarm.get("ControlAvailable")),
        platform=f"{facts.get('OSType', '')}/{facts.get('Architecture', '')}",
    )


def reason_of(outcome: Outcome, more: Sequence[str] = ()) -> str:
    """Return the last line that Docker's client wrote of an error; where the way is ssh, what ssh said in it."""
    lines = [line.strip() for line in (*more, *outcome.err.splitlines()) if line.strip()]
    return lines[-1].rpartition(SSH_SAID)[2][:MAX_REASON] if lines else f"exit code {outcome.code}"
