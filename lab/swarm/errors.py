"""The errors of a Swarm: its nodes, their engines and images, and the stack of services on it."""

from collections.abc import Sequence

from lab.errors import LabError

NODES = "--node or LAB_SWARM_NODES"


class EndpointBad(LabError):
    """A text names no engine."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:80]!r} is not the address of an engine", "ssh://HOST, tcp://HOST:PORT, or the path of a socket"
        )


class NodeSilent(LabError):
    """The engine of a node gives no answer to this machine."""

    def __init__(self, endpoint: str, *, reason: str) -> None:
        super().__init__(
            f"the engine at {endpoint} cannot be asked ({reason})",
            "start it, or see that `docker --host ENDPOINT info` works without a question",
        )


class NoSwarm(LabError):
    """No engine that was asked is in a Swarm."""

    def __init__(self) -> None:
        super().__init__(
            "no Swarm is here", f"`docker swarm init` on one machine, join the others, and name them by {NODES}"
        )


class SwarmUnready(LabError):
    """The engine is in a Swarm, and cannot work in it: it is locked, pending or in error."""

    def __init__(self, endpoint: str, *, state: str, reason: str) -> None:
        why = f" ({reason})" if reason else ""
        remedy = "`docker swarm unlock` there" if state == "locked" else "read its log, or have it leave and join again"
        super().__init__(f"the engine at {endpoint} is in a Swarm that is {state}{why}", remedy)


class NoManager(LabError):
    """The engines that were asked are workers of a Swarm, and only a manager can deploy."""

    def __init__(self) -> None:
        super().__init__(
            "the engines that were asked are workers of a Swarm",
            f"name the one of a manager by {NODES}, or DOCKER_HOST",
        )


class NodeForeign(LabError):
    """An engine that was named is in no Swarm, or in another one."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"the engine at {endpoint} is no node of this Swarm", "`docker swarm join` there, or leave it out"
        )


class NodeDown(LabError):
    """A node of the Swarm is not ready."""

    def __init__(self, node: str, *, status: str) -> None:
        super().__init__(
            f"the node {node} is {status}", f"start its engine, or take it out: `docker node rm --force {node}`"
        )


class NoNode(LabError):
    """No node takes containers: all are drained or paused."""

    def __init__(self) -> None:
        super().__init__("no node takes containers", "`docker node update --availability active NODE`")


class HomeUnfit(LabError):
    """The manager that is asked takes no containers, and the services that keep data belong there."""

    def __init__(self, node: str, *, availability: str) -> None:
        super().__init__(
            f"the manager {node} takes no containers ({availability}), and the broker's data belongs there",
            f"`docker node update --availability active {node}`, or name another manager by {NODES}",
        )


class EngineTooOld(LabError):
    """A node's engine cannot run the lab's services as compose.yaml has them."""

    def __init__(self, node: str, found: str, *, needed: str) -> None:
        super().__init__(f"the engine {found} of the node {node} is too old, {needed} is needed", "upgrade it")


class OtherPlatform(LabError):
    """A node cannot run images that are built here."""

    def __init__(self, node: str, *, theirs: str, ours: str) -> None:
        super().__init__(
            f"the node {node} is {theirs}, and images are built here for {ours}",
            f"take it out: `docker node update --availability drain {node}`",
        )


class NoWayToNode(LabError):
    """Images cannot be brought to a node: its engine was not named, and there is no registry."""

    def __init__(self, nodes: Sequence[str]) -> None:
        super().__init__(
            f"no image can be brought to {', '.join(nodes)}",
            f"name their engines by {NODES}, or a registry: LAB_REGISTRY",
        )


class ImagesMissing(LabError):
    """This machine's engine lacks images that it has just built, or that `docker image rm` removed meanwhile."""

    exit_code = 1

    def __init__(self, images: Sequence[str]) -> None:
        super().__init__(f"this machine's engine has no {', '.join(images)}", "`lab swarm up` again builds them")


class ImagesNotBrought(LabError):
    """A node has no such image, although it was sent there."""

    exit_code = 1

    def __init__(self, images: Sequence[str], *, node: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"{', '.join(images)} did not get to {node}",
            "see that its disk is not full and that it keeps images as this engine does, or set LAB_REGISTRY",
            evidence=evidence,
        )


class ImageNotPushed(LabError):
    """A registry did not take an image."""

    exit_code = 1

    def __init__(self, image: str, *, registry: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"{image} did not get to the registry {registry}",
            "see that it can be reached, and `docker login` there",
            evidence=evidence,
        )


class StackPresent(LabError):
    """There is something of that name already."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{what} {name} is there already", f"`lab swarm down --project {name}`, or another name by --project"
        )


class NoStack(LabError):
    """There is no stack of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no stack {name} is in this Swarm", f"`lab swarm up --project {name}`")


class StackRefused(LabError):
    """The Swarm did not do what it was asked."""

    exit_code = 1

    def __init__(self, doing: str, *, reason: str) -> None:
        super().__init__(f"{doing} failed ({reason})", "correct what is named here, then again")


class LeftBehind(LabError):
    """The stack is gone, and volumes of it may be left on nodes that could not be asked."""

    exit_code = 1

    def __init__(self, nodes: Sequence[str]) -> None:
        super().__init__(
            f"volumes may be left on {', '.join(nodes)}",
            f"when it is up, name its engine by {NODES}, and `lab swarm down` again",
        )


class ClientElsewhere(LabError):
    """The client's container would be on another machine than the files that it reads and writes."""

    def __init__(self, node: str) -> None:
        super().__init__(
            f"the manager {node} is on another machine, and the client reads and writes files of this one",
            "`lab swarm run` there",
        )
