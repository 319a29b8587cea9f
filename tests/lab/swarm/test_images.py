"""Images are brought to nodes, or pushed to a registry, and one that did not get there is an error."""

import json

import pytest

from lab.subprocesses import Outcome
from lab.swarm import images
from lab.swarm.endpoints import Endpoint
from lab.swarm.errors import ImageNotPushed, ImagesMissing, ImagesNotBrought
from lab.swarm.nodes import Node
from tests.lab.answers import NO_IMAGE, Programs

IDS = {"asynclab/hello:latest": "sha256:1", "asynclab/sites:latest": "sha256:2"}
AT = "docker --host ssh://two image inspect"
REPOSITORY = "registry.test:5000/asynclab/hello"


def node(run: Programs, url: str = "ssh://two") -> Node:
    """Return a node with its engine."""
    return Node("id2", "two", "ready", "active", False, "26", "linux/x86_64", Endpoint(url, run))


def test_a_node_gets_what_it_lacks() -> None:
    """By Docker's client at both ends of a pipe; and then it is asked again."""
    run = Programs({f"{AT} sha256:1": Outcome(0), f"{AT} sha256:2": [NO_IMAGE, Outcome(0)], "sh -c": Outcome(0)})
    said: list[str] = []
    images.bring(IDS, node(run), said.append, run=run)
    assert said == ["Sending 1 images to two"]
    assert f"sh -c {images.COPY} ssh://two asynclab/sites:latest" in run.ran


def test_a_node_that_has_all_gets_nothing() -> None:
    """As at a second start; and this machine's own engine built them."""
    run = Programs({AT: Outcome(0)})
    images.bring(IDS, node(run), pytest.fail, run=run)
    images.bring(IDS, node(run, url=""), pytest.fail, run=run)
    assert not any(line.startswith("sh") for line in run.ran)


def test_an_image_that_did_not_arrive_is_an_error() -> None:
    """With what Docker's client said; the pipe's own exit code is not enough."""
    run = Programs({AT: NO_IMAGE, "sh -c": Outcome(0, err="no space left on device\n")})
    with pytest.raises(ImagesNotBrought, match=r"hello:latest, asynclab/sites:latest did not get to two") as raised:
        images.bring(IDS, node(run), lambda _: None, run=run)
    assert (raised.value.exit_code, raised.value.evidence) == (1, ("no space left on device",))


def test_an_image_that_is_not_here_is_an_error() -> None:
    """Before any node is asked."""
    with pytest.raises(ImagesMissing, match="this machine's engine has no asynclab/hello:latest, asynclab/sites"):
        images.ids(list(IDS), run=Programs({"docker image inspect": NO_IMAGE}))


def test_a_registry_gives_each_image_a_digest() -> None:
    """A service names it by that, so that every node has the same."""
    digests = ["other/hello@sha256:0", f"{REPOSITORY}@sha256:9"]
    run = Programs(
        {"docker tag": Outcome(0), "docker push": Outcome(0), "docker image inspect": Outcome(0, json.dumps(digests))}
    )
    pushed = images.push(["asynclab/hello:latest"], "registry.test:5000", lambda _: None, run=run)
    assert pushed == {"asynclab/hello:latest": f"{REPOSITORY}@sha256:9"}
    assert f"docker push --quiet {REPOSITORY}:latest" in run.ran


@pytest.mark.parametrize("failing", ["docker tag", "docker push", "docker image inspect"])
def test_what_a_registry_does_not_take_is_an_error(failing: str) -> None:
    """With what Docker's client said."""
    works = {"docker tag": Outcome(0), "docker push": Outcome(0), "docker image inspect": Outcome(0, "[]")}
    with pytest.raises(ImageNotPushed, match=r"did not get to the registry registry\.test"):
        images.push(
            ["asynclab/hello:latest"], "registry.test", lambda _: None, run=Programs(works | {failing: Outcome(1)})
        )
