"""Bringing images to the nodes: from this machine's engine to each, or by a registry that every node can reach.

Services name an image by the digest of its content. An engine looks no such image up in a registry, so that no node
takes another image of the same name from the internet.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from lab.docker import base_image
from lab.subprocesses import Runner
from lab.swarm.endpoints import Endpoint
from lab.swarm.errors import ImageNotPushed, ImagesMissing, ImagesNotBrought
from lab.swarm.nodes import Node

LOAD_TIMEOUT_S = 1800.0
LOOK_TIMEOUT_S = 30.0
# The shell's exit code is that of the last program; whether images arrived is asked afterwards.
COPY = 'docker save "$@" | docker --host "$0" load --quiet'

Say = Callable[[str], None]


def ids(images: Sequence[str], *, run: Runner) -> dict[str, str]:
    """Return the id of each image of this machine's engine. Raises ImagesMissing."""
    found = {image: base_image.digest(image, run=run) for image in images}
    if missing := [image for image, digest in found.items() if not digest]:
        raise ImagesMissing(missing)
    return found


def bring(found: Mapping[str, str], node: Node, say: Say, *, run: Runner) -> None:
    """Send a node the images that it lacks. Raises ImagesNotBrought or NodeSilent."""
    if node.endpoint is None or not node.endpoint.url:
        return  # this machine's own
    missing = lacking(found, node.endpoint)
    if not missing:
        return
    say(f"Sending {len(missing)} images to {node.name}")
    sent = run(("sh", "-c", COPY, node.endpoint.url, *missing), timeout_s=LOAD_TIMEOUT_S)
    if still := lacking(found, node.endpoint):
        raise ImagesNotBrought(still, node=node.name, evidence=sent.tail())


def lacking(found: Mapping[str, str], endpoint: Endpoint) -> list[str]:
    """Return the images that an engine does not have. Raises NodeSilent."""
    return [image for image, digest in found.items() if not endpoint.docker("image", "inspect", digest).ok]


def push(images: Sequence[str], registry: str, say: Say, *, run: Runner) -> dict[str, str]:
    """Put images into a registry, and return the name, with a digest, of each there. Raises ImageNotPushed."""
    say(f"Pushing {len(images)} images to {registry}")
    return {image: pushed(image, f"{registry}/{image}", registry, run=run) for image in images}


def pushed(image: str, name: str, registry: str, *, run: Runner) -> str:
    """Put one image into a registry, and return its name with a digest. Raises ImageNotPushed."""
    tagged = run(("docker", "tag", image, name), timeout_s=LOOK_TIMEOUT_S)
    outcome = run(("docker", "push", "--quiet", name), timeout_s=LOAD_TIMEOUT_S) if tagged.ok else tagged
    if outcome.ok:
        look = ("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", name)
        repository = name.rpartition(":")[0]
        for digest in json.loads(run(look, timeout_s=LOOK_TIMEOUT_S).out or "[]"):
            if digest.startswith(f"{repository}@"):
                return str(digest)
    raise ImageNotPushed(image, registry=registry, evidence=outcome.tail())
