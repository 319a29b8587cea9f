"""The Compose file of a Swarm's client: the client of the lab, without what is the lab's own."""

from pathlib import Path

from lab.swarm.client_file import compose_file
from services.client.defaults import WAITS_FOR

CONFIG = {
    "services": {
        "client": {
            "image": "asynclab/client:latest",
            "build": {"target": "client"},
            "depends_on": {"sina": {"condition": "service_started"}},
            "environment": {"LAB_LOOP": "uvloop", WAITS_FOR: "sina:8081"},
            "networks": {"lab": None, "jobs": None},
            "volumes": [{"type": "volume", "source": "ca", "target": "/lab-ca", "read_only": True}],
        }
    }
}


def test_a_client_of_a_swarm_starts_nothing_and_waits_for_nothing() -> None:
    """The stack's services run already; Compose would not find those that the lab's client depends on."""
    made = compose_file("x", CONFIG, image="sha256:1", pull="never", ca=Path("ca.pem"))
    client = made["services"]["client"]
    assert not {"build", "depends_on"} & client.keys()
    assert client["environment"] == {"LAB_LOOP": "uvloop", WAITS_FOR: ""}
    assert made["networks"]["lab"] == {"external": True, "name": "x_lab"}
