"""What of compose.yaml a Swarm gets."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab import ROOT
from lab.swarm.stack_file import stack_file

SITE: dict[str, Any] = {
    "image": "asynclab/sites:latest",
    "command": None,
    "tmpfs": ["/tmp"],  # noqa: S108 - in the container
    "networks": {"lab": {"aliases": ["www.sohu.com"]}},
    "volumes": [
        {"type": "volume", "source": "ca-key", "target": "/lab-ca-key", "volume": {}},
        {"type": "volume", "source": "ca", "target": "/lab-ca", "volume": {}},
    ],
    "deploy": {"resources": {"limits": {"pids": 256}}, "placement": {}},
}
WORKER: dict[str, Any] = {
    "image": "asynclab/client:latest",
    "secrets": [{"source": "broker_password"}],
    "volumes": [{"type": "volume", "source": "ca", "target": "/lab-ca", "read_only": True}],
    "networks": {"lab": None, "jobs": None},
    "deploy": {"replicas": 4},
}
BROKER: dict[str, Any] = {
    "image": "asynclab/broker:latest",
    "volumes": [{"type": "volume", "source": "jobs", "target": "/data"}],
    "networks": {"jobs": None},
}
CONFIG = {
    "name": "x",
    "x-health": {},
    "services": {
        "sohu": SITE,
        "worker": WORKER,
        "broker": BROKER,
        "gateway": {"image": "g", "deploy": {"replicas": 0}},
    },
    "networks": {"lab": {"name": "x_lab", "internal": True}, "jobs": {"name": "x_jobs", "ipam": {}, "internal": True}},
    "volumes": {name: {"name": f"x_{name}"} for name in ("ca-key", "ca", "jobs")},
    "secrets": {"broker_password": {"name": "x_broker_password", "file": "/secret"}},
}
IMAGES = {f"asynclab/{name}:latest": f"sha256:{name}" for name in ("sites", "client", "broker")}


@pytest.fixture
def stack() -> dict[str, Any]:
    """Return the stack of the example."""
    return stack_file(CONFIG, IMAGES, home="id1", ca=Path("/ca"))


def test_services_that_have_containers_are_in_it(stack: dict[str, Any]) -> None:
    """With the names of their images on the nodes, and names that look up to the containers' addresses."""
    assert {name: each["image"] for name, each in stack["services"].items()} == {
        "sohu": "sha256:sites",
        "worker": "sha256:client",
        "broker": "sha256:broker",
    }
    assert {each["deploy"]["endpoint_mode"] for each in stack["services"].values()} == {"dnsrr"}
    assert stack["services"]["worker"]["deploy"]["replicas"] == 4
    assert stack["services"]["sohu"]["networks"] == SITE["networks"]


def test_the_broker_is_where_its_data_is(stack: dict[str, Any]) -> None:
    """A volume is of one node; every other service may be on any."""
    assert stack["services"]["broker"]["deploy"]["placement"] == {"constraints": ["node.id == id1"]}
    assert stack["services"]["sohu"]["deploy"]["placement"] == {}
    assert stack["services"]["broker"]["volumes"] == BROKER["volumes"]


def test_all_nodes_have_one_authority(stack: dict[str, Any]) -> None:
    """Sites get its key as a secret that they alone can read; clients its certificate, and no volume."""
    sohu, worker = stack["services"]["sohu"], stack["services"]["worker"]
    of_the_site = {"uid": "65532", "gid": "65532"}
    assert sohu["secrets"] == [{"source": "lab_ca_key", "target": "/lab-ca-key/ca.key", "mode": 0o400, **of_the_site}]
    assert sohu["configs"] == [{"source": "lab_ca", "target": "/lab-ca-key/ca.pem", "mode": 0o444, **of_the_site}]
    assert [mount["source"] for mount in sohu["volumes"] if mount["type"] == "volume"] == ["ca"]
    assert [each["target"] for each in worker["configs"]] == ["/lab-ca/ca.pem"]
    assert "volumes" not in worker
    assert stack["volumes"] == {"ca": {}, "jobs": {}}


def test_a_temporary_directory_is_a_mount(stack: dict[str, Any]) -> None:
    """`docker stack deploy` ignores `tmpfs`, and a site's root is read-only."""
    assert "tmpfs" not in stack["services"]["sohu"]
    assert {"type": "tmpfs", "target": "/tmp"} in stack["services"]["sohu"]["volumes"]  # noqa: S108


def test_networks_and_secrets_have_the_names_of_the_stack(stack: dict[str, Any]) -> None:
    """Compose's own names are left out; a client can join a network, which leads nowhere else."""
    inside = {"driver": "overlay", "attachable": True, "internal": True}
    assert stack["networks"] == {"lab": inside, "jobs": inside}
    assert stack["secrets"] == {"broker_password": {"file": "/secret"}, "lab_ca_key": {"file": "/ca/ca.key"}}
    assert stack["configs"] == {"lab_ca": {"file": "/ca/ca.pem"}}


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_dockers_client_takes_the_stack_of_compose_yaml_and_ignores_nothing(tmp_path: Path) -> None:
    """Whatever is added to compose.yaml."""
    read = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "config", "--format", "json"]
    config = json.loads(subprocess.run(read, capture_output=True, check=True, timeout=60).stdout)
    images = {each["image"]: "sha256:" + "0" * 64 for each in config["services"].values()}
    for name in ("ca.key", "ca.pem"):
        (tmp_path / name).touch()
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(stack_file(config, images, home="id1", ca=tmp_path)))
    look = ["docker", "stack", "config", "--compose-file", str(file)]
    done = subprocess.run(look, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
