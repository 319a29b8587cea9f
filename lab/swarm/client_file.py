"""The Compose file by which `lab swarm run` starts the client on the manager's machine, joined to the stack's networks.

A service of a Swarm has no terminal, no signals and no files of a person's; a container of Compose has. It is the
client of compose.yaml and compose.override.yaml, with the stack's networks and the stack's certificate authority.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.swarm.endpoints import Endpoint
from lab.swarm.errors import NoStack
from lab.swarm.stack_file import CA, CA_VOLUME
from services.client.defaults import WAITS_FOR
from services.runtime.files import ownership
from services.sites.tls.authority import CA_FILE

CLIENT = "client"
OF_THE_LAB = ("build", "depends_on", "restart", "deploy")
NOT_SET = {WAITS_FOR: ""}  # a Swarm's services run already, and one of the lab's has no replica there

Json = Mapping[str, Any]


def write(root: Path, stack: str, config: Json, *, image: str, pull: str, certificate: bytes) -> Path:
    """Write the file, and the certificate that it mounts, and return where it is.

    `config`: what Compose makes of its two files; `image`: the client's; `pull`: when it is pulled.
    """
    file, ca = paths(root, stack)
    ownership.make_directory(file.parent)
    ownership.write(ca, certificate.decode("ascii"))
    ownership.write(file, json.dumps(compose_file(stack, config, image=image, pull=pull, ca=ca), indent=1) + "\n")
    return file


def paths(root: Path, stack: str) -> tuple[Path, Path]:
    """Return where a stack's file is, and the certificate."""
    return root / "build" / f"compose.{stack}.client.json", root / "build" / f"compose.{stack}.{CA_FILE}"


def remove(root: Path, stack: str) -> None:
    """Remove both, if they are there."""
    for path in paths(root, stack):
        with suppress(OSError):
            path.unlink()


def certificate(manager: Endpoint, stack: str) -> bytes:
    """Return the certificate of a stack's authority. Raises NoStack where there is no such stack."""
    outcome = manager.docker("config", "inspect", "--format", "{{json .Spec.Data}}", f"{stack}_{CA}")
    try:
        return base64.b64decode(json.loads(outcome.out))
    except (ValueError, TypeError, binascii.Error) as error:
        raise NoStack(stack) from error


def compose_file(stack: str, config: Json, *, image: str, pull: str, ca: Path) -> dict[str, Any]:
    """Return a Compose file with the client alone."""
    given = config["services"][CLIENT]
    mounts = [mount for mount in given.get("volumes") or () if mount.get("source") != CA_VOLUME]
    at = next(mount["target"] for mount in given["volumes"] if mount.get("source") == CA_VOLUME)
    client = {name: value for name, value in given.items() if name not in OF_THE_LAB and value is not None} | {
        "environment": {**(given.get("environment") or {}), **NOT_SET},
        "image": image,
        "pull_policy": pull,
        "volumes": [*mounts, {"type": "bind", "source": str(ca), "target": f"{at}/{CA_FILE}", "read_only": True}],
    }
    return {
        "services": {CLIENT: client},
        "networks": {name: {"external": True, "name": f"{stack}_{name}"} for name in given["networks"]},
        "secrets": config.get("secrets") or {},
    }
