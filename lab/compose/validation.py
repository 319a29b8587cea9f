"""Finds mistakes before any container is touched, so that a typing mistake does not end a lab that runs.

Settings are read by the services' own settings classes, from what Compose would give them. Ports are tried.
What recordings hold is checked in `lab.own_sites`.
"""

import errno
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import subprocesses
from lab.compose.errors import PortTaken
from lab.errors import RecordingsUnusable
from lab.subprocesses import Runner
from services.broker.settings import ServerSettings
from services.client.settings import ClientSettings
from services.gateway.settings import GatewaySettings
from services.hello.settings import HelloSettings
from services.runtime.process import MIB
from services.runtime.settings import Environment
from services.sites.settings import SitesSettings
from services.watch.settings import WatchSettings

Config = Mapping[str, Any]
"""The output of `docker compose config --format json`."""

SETTINGS: Mapping[str, Callable[[Environment], object]] = {
    "asynclab/broker": ServerSettings.from_environment,
    "asynclab/gateway": GatewaySettings.from_environment,
    "asynclab/hello": HelloSettings.from_environment,
    "asynclab/sites": SitesSettings.from_environment,
    "asynclab/client": ClientSettings.from_environment,
    "asynclab/watch": WatchSettings.from_environment,
}
PLAYER = "recorded"
"""The service that plays what a person has recorded; the names of those hosts are its aliases."""
WORKERS, MAX_WORKERS = 2, 256
LOOK_TIMEOUT_S = 10.0
PUBLISHED_BY = {
    GatewaySettings().where.port: "HELLO_PORT",
    GatewaySettings().page.port: "WATCH_PORT",
    GatewaySettings().proxy_port: "GATEWAY_PORT",
}


def check_workers(values: Mapping[str, str]) -> None:
    """Raise BadSetting for a number of workers that cannot be; Compose ends with a trace of its own code for -1."""
    Environment(values).whole("WORKERS", WORKERS, least=0, most=MAX_WORKERS)


def check_settings(config: Config) -> None:
    """Raise BadSetting or TooLittleMemory for what a service would refuse when it starts."""
    for service in config["services"].values():
        read = SETTINGS.get(str(service.get("image", "")).partition(":")[0])
        if read:
            given = service.get("environment") or {}
            known = {name: value for name, value in given.items() if value is not None}
            read(Environment(memory_in(service) | known))


def check_hosts(config: Config, recorded: Path) -> None:
    """Raise RecordingsUnusable for a recorded host that has the name of another service: it would lead to both."""
    services = config["services"]
    others = {name for service in services if service != PLAYER for name in (service, *aliases(services[service]))}
    for host in aliases(services.get(PLAYER) or {}):
        if host in {*others, PLAYER}:
            what = f"holds recordings of {host}, which is the name of a service of the lab"
            raise RecordingsUnusable(recorded, what, "record it under another one (--name), or rename its files")


def aliases(service: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that a service has in its networks, beside its own."""
    for network in (service.get("networks") or {}).values():
        yield from (network or {}).get("aliases") or ()


def memory_in(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings for a container's memory limit, which its programs find out by themselves inside."""
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    mib = str(int(limits["memory"]) // MIB) if "memory" in limits else ""
    return {"HELLO_MEMORY_MIB": mib, "SITES_MEMORY_MIB": mib}


def check_ports(config: Config, ours: Collection[int], *, run: Runner = subprocesses.run) -> None:
    """Raise PortTaken for a port that another program has. `ours`: the ports of this lab as it runs now."""
    wanted = list(published(config))
    if not wanted or not engine_is_here(run):
        return
    for host, ports, target in wanted:
        if not any(port in ours or is_free(host, port) for port in ports):
            first, last = ports[0], ports[-1]
            address = f"{host}:{first}" if first == last else f"{host}:{first}-{last}"
            raise PortTaken(address, setting=PUBLISHED_BY.get(target, "another port"))


def published(config: Config) -> Iterator[tuple[str, Sequence[int], int]]:
    """Yield each address at which a service is to be published, with the range of ports that Compose may choose.

    Last comes the port in the container.
    """
    for service in config["services"].values():
        if (service.get("deploy") or {}).get("replicas") == 0:
            continue
        for port in service.get("ports") or ():
            first, _, last = str(port.get("published") or "0").partition("-")
            if (
                port.get("protocol", "tcp") == "tcp"
                and first.isdecimal()
                and int(first)
                and (last or first).isdecimal()
            ):
                yield port.get("host_ip") or "0.0.0.0", range(int(first), int(last or first) + 1), port.get("target")  # noqa: S104


def is_free(host: str, port: int) -> bool:
    """Return whether a port can be listened on, or cannot be tried from here (below 1024, another address family)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            tried.listen(1)
    except OverflowError:
        return True  # Compose says what is wrong with such a port
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True


def engine_is_here(run: Runner) -> bool:
    """Return whether the engine's ports are this machine's."""
    endpoint = run(("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"), timeout_s=LOOK_TIMEOUT_S)
    return endpoint.ok and endpoint.out.startswith("unix:")
