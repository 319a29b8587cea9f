"""The sites beside the newest nginx that Debian has, both in containers: part of `lab bench sites`.

The suite that this host runs may have an nginx that is years old. The images differ, and nothing else: the same
network, the same core, the same page.
"""

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from lab.bench.baselines.null_server import CLOSED, KEPT
from lab.bench.errors import BenchFailed
from lab.bench.harness import containers
from lab.bench.harness.figures import Group, Table
from lab.bench.harness.load import servers
from lab.bench.harness.load.loaded import Target, busy_table, groups_of, load_in_turns
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server, free_port
from lab.bench.harness.rounds import IN_QUICK, Rounds, Say
from lab.errors import LabError

INSIDE = "/bench"
NGINX, SITES = "nginx in a container", "services.sites in a container, uvloop"
MODES = (("kept alive", KEPT, ()), ("a new connection each", CLOSED, ("Connection: close",)))


@dataclass(frozen=True, slots=True)
class Found:
    """What is added to the result: tables, how they were made, and what was left out."""

    groups: tuple[Group, ...] = ()
    tables: tuple[Table, ...] = ()
    method: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def measure(directory: Path, rounds: Rounds, core: Core, say: Say) -> Found:
    """Load both in turns. `directory`: the recordings that the sites play. Without containers there is a note."""
    if refusal := containers.refusal() if rounds.containers else IN_QUICK:
        return Found(notes=(f"the newest nginx is left out: {refusal}",))
    try:
        return in_containers(directory, containers.peers_image(say), containers.own_image("sites"), rounds, core, say)
    except BenchFailed:
        raise
    except LabError as error:
        return Found(notes=(f"the newest nginx is left out: {error.problem}",))


def in_containers(directory: Path, peers: str, own: str, rounds: Rounds, core: Core, say: Say) -> Found:
    """Load both in turns, kept alive and with a new connection each."""
    groups: list[Group] = []
    tables: list[Table] = []
    with ExitStack() as stack:
        started = {
            NGINX: stack.enter_context(nginx(directory, peers, core)),
            SITES: stack.enter_context(sites(directory, own, core)),
        }
        for words, file, fields in MODES:
            title = f"sites, in containers, {words}"
            given = (f"Host: {file.removesuffix('.http')}", *fields)
            targets = {name: Target(f"{each.url}/", (each,), given) for name, each in started.items()}
            measured = load_in_turns(title, targets, rounds, core, say)
            groups += groups_of(title, measured, reference=NGINX)
            tables.append(busy_table(title, measured, cores=core.number))
    version = containers.version(peers, "nginx", "-v")
    return Found(tuple(groups), tuple(tables), (f"in containers: nginx {version} of {peers}, and {own}",))


def nginx(directory: Path, image: str, core: Core) -> AbstractContextManager[Server]:
    """Return nginx with the page of the bench, in a container."""
    port = free_port()
    (directory / "nginx.conf").write_text(servers.nginx_configuration(port), "utf-8")
    words = ("nginx", "-e", "stderr", "-p", "/tmp", "-c", f"{INSIDE}/nginx.conf")  # noqa: S108 - the container's own
    return containers.served(NGINX, image, words, port=port, core=core.server, volumes={directory: INSIDE})


def sites(directory: Path, image: str, core: Core) -> AbstractContextManager[Server]:
    """Return the sites with the recordings of the bench, in a container."""
    port = free_port()
    words = ("python3", "-m", "services.sites", "--loop", "uvloop")
    environment = servers.sites_environment(INSIDE, port, free_port())
    return containers.served(
        SITES, image, words, port=port, core=core.server, environment=environment, volumes={directory: INSIDE}
    )
