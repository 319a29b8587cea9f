"""The nodes of a Swarm as its manager has them, and the engines by which images and volumes of a node are reached.

`find` asks every engine that was named, and the one that Docker's client asks by itself; the first manager among them
is the one that deploys. `check` refuses a Swarm on which a start could not succeed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.docker.engine import at_least
from lab.swarm.endpoints import Endpoint, Engine, ask, reason_of
from lab.swarm.errors import (
    EngineTooOld,
    HomeUnfit,
    NodeDown,
    NodeForeign,
    NodeSilent,
    NoManager,
    NoNode,
    NoSwarm,
    NoWayToNode,
    OtherPlatform,
    StackRefused,
    SwarmUnready,
)

ENGINE_NEEDED = "20.10"  # the first that takes a service's cap_drop and its limit of processes
READY, ACTIVE = "ready", "active"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `engine`: the version; `endpoint`: None where its engine was not named."""

    id: str
    name: str
    status: str
    availability: str
    is_manager: bool
    engine: str
    platform: str
    endpoint: Endpoint | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its engine is in touch with the managers."""
        return self.status == READY

    @property
    def is_used(self) -> bool:
        """Whether it is to be given containers."""
        return self.availability == ACTIVE


@dataclass(frozen=True, slots=True)
class Swarm:
    """A Swarm: the manager that is asked, and all nodes. `home`: the manager's node, where data is kept."""

    manager: Endpoint
    home: Node
    nodes: tuple[Node, ...]
    local: str
    """The platform that images are built for, "" if this machine's own engine was not asked."""

    @property
    def engines(self) -> list[Endpoint]:
        """The engines that can be asked for what is on their nodes."""
        return [node.endpoint for node in self.nodes if node.endpoint and node.is_ready]

    @property
    def used(self) -> list[Node]:
        """The nodes that are to be given containers."""
        return [node for node in self.nodes if node.is_used]

    def check(self, *, has_registry: bool) -> None:
        """Raise a LabError where a start could not succeed. `has_registry`: nodes get images by themselves."""
        if not self.used:
            raise NoNode
        for node in self.used:
            if not node.is_ready:
                raise NodeDown(node.name, status=node.status)
            if not at_least(node.engine, ENGINE_NEEDED):
                raise EngineTooOld(node.name, node.engine, needed=ENGINE_NEEDED)
            if self.local and node.platform != self.local:
                raise OtherPlatform(node.name, theirs=node.platform, ours=self.local)
        if not self.home.is_used:
            raise HomeUnfit(self.home.name, availability=self.home.availability)
        unreached = [node.name for node in self.used if not node.endpoint]
        if unreached and not has_registry:
            raise NoWayToNode(unreached)


def find(named: Sequence[Endpoint], own: Endpoint, *, all_answer: bool) -> Swarm:
    """Return the Swarm of these engines. `own`: the engine that Docker's client asks by itself.

    `all_answer`: each of `named` has to answer, not only one. Raises NodeSilent, SwarmUnready, NoSwarm, NoManager,
    NodeForeign or StackRefused.
    """
    engines = answering(named, all_answer=all_answer)
    local = ask_own(own, needed=not engines)
    asked = [*engines, *([local] if local else [])]
    if not any(each.node for each in asked):
        raise NoSwarm
    manager = next((each for each in asked if each.is_manager), None)
    if manager is None:
        raise NoManager
    nodes = listed(manager.endpoint, {each.node: each.endpoint for each in reversed(asked) if each.node})
    known = {node.id for node in nodes}
    for each in engines:
        if each.node not in known:
            raise NodeForeign(str(each.endpoint))
    home = next(node for node in nodes if node.id == manager.node)
    return Swarm(manager.endpoint, home, tuple(nodes), local=local.platform if local else "")


def answering(named: Sequence[Endpoint], *, all_answer: bool) -> list[Engine]:
    """Return what the engines say that answer. Raises NodeSilent where none does, and SwarmUnready."""
    found, silent = [], []
    for each in named:
        try:
            found.append(ask(each))
        except NodeSilent as error:
            silent.append(error)
    if silent and (all_answer or not found):
        raise silent[0]
    return found


def ask_own(own: Endpoint, *, needed: bool) -> Engine | None:
    """Ask this machine's engine, None where it gives no answer and others were named. Raises what `ask` raises."""
    try:
        return ask(own)
    except (NodeSilent, SwarmUnready):
        if needed:
            raise
        return None


def listed(manager: Endpoint, endpoints: Mapping[str, Endpoint]) -> list[Node]:
    """Return all nodes, in the order of their names. Raises StackRefused."""
    ids = manager.docker("node", "ls", "--quiet")
    outcome = manager.docker("node", "inspect", *ids.out.split()) if ids.ok else ids
    if not outcome.ok:
        raise StackRefused("looking at the nodes", reason=reason_of(outcome))
    return sorted(read(json.loads(outcome.out), endpoints), key=lambda node: (node.name, node.id))


def read(entries: Sequence[Json], endpoints: Mapping[str, Endpoint]) -> Iterable[Node]:
    """Yield the nodes that `docker node inspect` describes."""
    for facts in entries:
        about, spec = facts["Description"], facts["Spec"]
        platform = about["Platform"]
        yield Node(
            id=facts["ID"],
            name=about["Hostname"],
            status=facts["Status"]["State"],
            availability=spec["Availability"],
            is_manager=spec["Role"] == "manager",
            engine=about["Engine"]["EngineVersion"],
            platform=f"{platform['OS']}/{platform['Architecture']}",
            endpoint=endpoints.get(facts["ID"]),
        )
