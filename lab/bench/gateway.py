"""`lab bench gateway`: requests through the gateway's proxy, beside the same requests without it, and through nginx.

nginx forwards TCP (its stream module) and reads nothing; so does a relay of a few lines in Python, which shows what
such a relay costs at least. The gateway reads each request to find its host. It is measured in both ways that it runs:

    services.gateway                       a process apart, as in containers
    services.gateway in the sites' process as in `lab serve`

A request after which no other comes is handed over with its connection, in both; one that is kept alive is relayed.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.bench.baselines.null_server import CLOSED, KEPT
from lab.bench.harness import peers
from lab.bench.harness.figures import Goal, Group, Result, Table
from lab.bench.harness.gateway_program import SITE
from lab.bench.harness.load import servers
from lab.bench.harness.load.loaded import Target, busy_table, groups_of, load_in_turns
from lab.bench.harness.load.wrk import CONNECTIONS
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import NGINX, WRK
from lab.bench.harness.processes import Server, free_port, serving
from lab.bench.harness.rounds import Rounds, Say
from services.gateway.proxy.handover.channels import SOCKET_NAME
from services.runtime.files.temporary import temporary_directory

STREAM_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_stream_module.so"),
)
NO_STREAM = "nginx's stream module is missing: apt-get install libnginx-mod-stream"
CONFIGURATION = """\
load_module {module};
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 8192; }}
stream {{ server {{ listen 127.0.0.1:{port} backlog=16384; proxy_pass 127.0.0.1:{target}; }} }}
"""
DIRECT, PLAIN, NULL = "without a gateway", "nginx stream", "null relay"
OURS, EMBEDDED = "services.gateway", "services.gateway in the sites' process"
LOOPS = ("uvloop", "asyncio")
GOAL = 0.8
MODES = (("kept alive", KEPT, ()), ("a new connection each", CLOSED, ("Connection: close",)))


class Contestant(NamedTuple):
    """`way`: what is asked; `processes`: those that an answer takes. `absolute`: the form of the target."""

    way: Server
    processes: tuple[Server, ...]
    absolute: bool


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure requests a second, kept alive and with a new connection each."""
    if not WRK.path():
        return Result("gateway", (), notes=(WRK.missing(),))
    core = Core()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(temporary_directory("asynclab-bench-"))
        contestants = dict(start(stack, core, directory))
        measured = [measure(mode, contestants, rounds, core, directory, say) for mode in MODES]
    notes = () if PLAIN in contestants else (NGINX.missing() if not NGINX.path() else NO_STREAM,)
    return Result(
        "gateway",
        tuple(group for groups, _ in measured for group in groups),
        tables=tuple(table for _, table in measured),
        method=(
            f"wrk, {CONNECTIONS} connections, {rounds.in_turns()}, {rounds.seconds:g} s a turn",
            core.sentence(),
            "the site is on the core of what stands between, and on uvloop (in the gateway's process: on its loop)",
            peers.sentence((NGINX, WRK)),
        ),
        notes=notes,
    )


def start(stack: contextlib.ExitStack, core: Core, directory: Path) -> Iterator[tuple[str, Contestant]]:
    """Start the site and everything that stands in front of it, and yield names and contestants."""
    page = servers.PAGE.encode()
    for _, file, fields in MODES:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: %b\r\nContent-Length: %d\r\n\r\n"
        (directory / file).write_bytes(head % (b"close" if fields else b"keep-alive", len(page)) + page)
    sockets = stack.enter_context(temporary_directory("asynclab-bench-"))
    (sockets / SITE).mkdir()
    handover = sockets / SITE / SOCKET_NAME
    site = stack.enter_context(servers.sites(core.server, directory, loop="uvloop", handover=handover))
    yield DIRECT, Contestant(site, (site,), absolute=False)
    module = next((path for path in STREAM_MODULES if path.exists()), None)
    if NGINX.path() and module:
        plain = stack.enter_context(nginx_stream(core.server, module, site.port))
        yield PLAIN, Contestant(plain, (plain, site), absolute=False)
    null = stack.enter_context(null_relay(core.server, site.port))
    yield f"{NULL}, {LOOPS[0]}", Contestant(null, (null, site), absolute=False)
    for loop in LOOPS:
        proxy = stack.enter_context(gateway(core.server, site.port, sockets, loop=loop))
        yield f"{OURS}, {loop}", Contestant(proxy, (proxy, site), absolute=True)
    for loop in LOOPS:
        both = stack.enter_context(embedded(core.server, directory, loop=loop))
        yield f"{EMBEDDED}, {loop}", Contestant(both, (both,), absolute=True)


@contextlib.contextmanager
def nginx_stream(core: Sequence[str], module: Path, target: int) -> Iterator[Server]:
    """Forward connections to a port with one nginx worker."""
    port = free_port()
    with temporary_directory("asynclab-nginx-") as directory:
        configuration = directory / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(module=module, port=port, target=target), "utf-8")
        command = [*core, str(NGINX.path()), "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
        with serving(PLAIN, command, port=port) as server:
            yield server


def null_relay(core: Sequence[str], target: int) -> contextlib.AbstractContextManager[Server]:
    """Relay to a port in Python, and do nothing else."""
    port = free_port()
    words = (str(port), str(target), "--loop", LOOPS[0])
    return servers.module("lab.bench.baselines.null_relay", core, *words, port=port)


def gateway(core: Sequence[str], target: int, sockets: Path, *, loop: str) -> contextlib.AbstractContextManager[Server]:
    """Run the gateway's proxy, which knows the bench's hosts, in a process apart."""
    port = free_port()
    hosts = [file.removesuffix(".http") for _, file, _ in MODES]
    words = (str(port), str(target), *hosts, "--loop", loop, "--handover", str(sockets))
    return servers.module("lab.bench.harness.gateway_program", core, *words, port=port)


def embedded(core: Sequence[str], directory: Path, *, loop: str) -> contextlib.AbstractContextManager[Server]:
    """Run sites and the gateway's proxy in one process."""
    port = free_port()
    words = (str(port), str(directory), "--loop", loop)
    return servers.module("lab.bench.harness.embedded_program", core, *words, port=port)


def measure(
    mode: tuple[str, str, tuple[str, ...]],
    contestants: dict[str, Contestant],
    rounds: Rounds,
    core: Core,
    directory: Path,
    say: Say,
) -> tuple[tuple[Group, ...], Table]:
    """Load the contestants in turns."""
    title, file, fields = mode
    host = file.removesuffix(".http")
    script = directory / f"{host}.lua"
    script.write_text(f'wrk.path = "http://{host}/"\n', "utf-8")  # wrk knows no proxies: a target in absolute-form
    given = (f"Host: {host}", *fields)
    targets = {
        name: Target(f"{each.way.url}/", each.processes, given, script if each.absolute else None)
        for name, each in contestants.items()
    }
    title = f"gateway, {title}"
    measured = load_in_turns(title, targets, rounds, core, say)
    goals = tuple(goal(f"{name}, {loop}") for name in (OURS, EMBEDDED) for loop in LOOPS if fields)
    return groups_of(title, measured, reference=PLAIN, goals=goals), busy_table(title, measured, cores=core.number)


def goal(of: str) -> Goal:
    """Return the goal of a gateway: no gateway at all is its ceiling."""
    return Goal(of, GOAL, PLAIN, "a second program in Python on each connection's way", DIRECT)
