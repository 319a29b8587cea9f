"""The file that `docker stack deploy` gets, made from what Compose makes of compose.yaml.

What a Swarm does otherwise: a name's look-up gives the addresses of its containers (dnsrr), since virtual addresses
need IPVS in the kernel; networks span the nodes; services without replicas are left out; `tmpfs`, which a stack
ignores, is a mount; and the certificate authority, which sites on one machine share by a volume, comes as a secret and
a config. A service in KEPT keeps data in a volume of one node, so it always runs on that one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.sites.tls.authority import CA_FILE, KEY_FILE

VERSION = "3.9"  # older clients demand one
KEPT = ("broker",)
KEY_VOLUME, CA_VOLUME = "ca-key", "ca"
CA_KEY, CA = "lab_ca_key", "lab_ca"
UID, ONLY_OWNER, ALL = "65532", 0o400, 0o444

Json = Mapping[str, Any]


def stack_file(config: Json, images: Mapping[str, str], *, home: str, ca: Path) -> dict[str, Any]:
    """Return the stack of a Compose file. `config`: the output of `docker compose config --format json`.

    `images`: what each image is called on the nodes; `home`: the id of the node that keeps data; `ca`: the directory
    with the authority's key and certificate.
    """
    services = {
        name: stack_service(name, service, images, home=home) for name, service in deployed(config["services"]).items()
    }
    volumes = {source for service in services.values() for source in sources(service)}
    return {
        "version": VERSION,
        "services": services,
        "networks": {name: network(given) for name, given in config["networks"].items()},
        "volumes": {name: {} for name in config.get("volumes") or {} if name in volumes},
        "secrets": {**files(config.get("secrets")), CA_KEY: {"file": str(ca / KEY_FILE)}},
        "configs": {**files(config.get("configs")), CA: {"file": str(ca / CA_FILE)}},
    }


def deployed(services: Mapping[str, Json]) -> dict[str, Json]:
    """Return the services that have a replica."""
    return {name: service for name, service in services.items() if replicas(service)}


def replicas(service: Json) -> int:
    """Return how many containers a service is to have."""
    return int((service.get("deploy") or {}).get("replicas", 1))


def stack_service(name: str, service: Json, images: Mapping[str, str], *, home: str) -> dict[str, Any]:
    """Return a service as a stack has it."""
    deploy = dict(service.get("deploy") or {}) | {"endpoint_mode": "dnsrr"}
    if name in KEPT:
        deploy["placement"] = {"constraints": [f"node.id == {home}"]}
    memory = [{"type": "tmpfs", "target": target} for target in service.get("tmpfs") or ()]
    made = {key: value for key, value in service.items() if value is not None and key != "tmpfs"} | {
        "image": images[service["image"]],
        "deploy": deploy,
        "volumes": [*(service.get("volumes") or ()), *memory],
    }
    return with_authority(made)


def with_authority(service: dict[str, Any]) -> dict[str, Any]:
    """Give a service the authority in place of the volumes in which sites keep it on one machine.

    A site puts the certificate into its own directory by itself.
    """
    at = {mount.get("source"): mount["target"] for mount in service["volumes"]}
    secrets, configs = list(service.get("secrets") or ()), list(service.get("configs") or ())
    gone = [KEY_VOLUME]
    if KEY_VOLUME in at:
        secrets.append(mounted(CA_KEY, f"{at[KEY_VOLUME]}/{KEY_FILE}", mode=ONLY_OWNER))
        configs.append(mounted(CA, f"{at[KEY_VOLUME]}/{CA_FILE}", mode=ALL))
    elif CA_VOLUME in at:
        configs.append(mounted(CA, f"{at[CA_VOLUME]}/{CA_FILE}", mode=ALL))
        gone.append(CA_VOLUME)
    mounts = [mount for mount in service["volumes"] if mount.get("source") not in gone]
    changed = {"volumes": mounts, "secrets": secrets, "configs": configs}
    return {key: value for key, value in {**service, **changed}.items() if key not in changed or value}


def mounted(source: str, target: str, *, mode: int) -> dict[str, Any]:
    """Return how a secret or a config is mounted into a service, whose programs run as one uid."""
    return {"source": source, "target": target, "uid": UID, "gid": UID, "mode": mode}


def network(given: Json | None) -> dict[str, Any]:
    """Return a network that spans the nodes, and that `lab swarm run` can join."""
    internal = {"internal": True} if (given or {}).get("internal") else {}
    return {"driver": "overlay", "attachable": True, **internal}


def sources(service: Json) -> list[str]:
    """Return the named volumes of a service."""
    return [str(mount["source"]) for mount in service.get("volumes") or () if mount["type"] == "volume"]


def files(given: Mapping[str, Json] | None) -> dict[str, Any]:
    """Return secrets or configs that are files; Compose gives them names of its own, which a stack would keep."""
    return {name: {"file": each["file"]} for name, each in (given or {}).items() if "file" in each}
