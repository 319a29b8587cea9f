"""`lab bench sites`: the recorded sites beside nginx, and beside a protocol that only answers.

All of them answer with the bytes that nginx gives, which are recorded first. The sites run as in their container, with
journal and metrics.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lab.bench import delay, newest_nginx
from lab.bench.baselines.null_server import CLOSED, KEPT
from lab.bench.harness import peers
from lab.bench.harness.figures import Goal, Group, Result, Table
from lab.bench.harness.load import servers
from lab.bench.harness.load.loaded import Target, busy_table, groups_of, load_in_turns
from lab.bench.harness.load.wrk import CONNECTIONS
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import NGINX, WRK
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say
from services.runtime.files.temporary import temporary_directory

REQUEST = "GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
CLOSE = "Connection: close"
LOOPS = ("uvloop", "asyncio")
OURS, NULL = "services.sites, uvloop", "null protocol, uvloop"
HELD_BY = "journal, faults and metrics of each exchange, in Python"
MODES = (("kept alive", KEPT, (), 0.9), ("a new connection each", CLOSED, (CLOSE,), 0.7))
STAND_IN = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 04 Dec 2016 14:31:37 GMT\r\nContent-Type: text/html\r\n"
    b"Content-Length: %d\r\nConnection: %b\r\nLast-Modified: Sun, 04 Dec 2016 14:30:57 GMT\r\nVary: Accept-Encoding\r\n"
    b"Expires: Sun, 04 Dec 2016 14:32:37 GMT\r\nCache-Control: max-age=60\r\nX-Powered-By: shci_v1.03\r\n"
    b"X-Cache: MISS from cernet194-227.sina.com.cn\r\n\r\n%b"
)


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure requests a second, kept alive and with a new connection each."""
    if not WRK.path():
        return Result("sites", (), notes=(WRK.missing(),))
    core = Core()
    notes = [] if NGINX.path() else [NGINX.missing()]
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(temporary_directory("asynclab-bench-"))
        contestants = dict(start(stack, core, directory))
        measured = [measure(mode, contestants, rounds, core, say) for mode in MODES]
        ours = {name: server for name, server in contestants.items() if server.admin_port}
        newest = newest_nginx.measure(directory, rounds, core, say)
        delayed, why_not = delay.bench(ours, KEPT.removesuffix(".http"), rounds, say)
    return Result(
        "sites",
        (*(group for groups, _ in measured for group in groups), *newest.groups, *delayed),
        method=(
            f"wrk, {CONNECTIONS} connections, {rounds.in_turns()}, {rounds.seconds:g} s a turn",
            core.sentence(),
            "every server gives the bytes that nginx gave when it was asked first; the sites run as in their container",
            "where the load is full and its server is not, a rate is wrk's own: processor time is the truer figure",
            peers.sentence((NGINX, WRK)),
            *newest.method,
        ),
        notes=(*notes, *newest.notes, *why_not),
        tables=(*(table for _, table in measured), *newest.tables),
    )


def start(stack: contextlib.ExitStack, core: Core, directory: Path) -> Iterator[tuple[str, Server]]:
    """Start every contestant, record nginx's answers for the others, and yield names and servers."""
    nginx = stack.enter_context(servers.nginx(core.server)) if NGINX.path() else None
    if nginx:
        yield "nginx", nginx
    for _, file, fields, _ in MODES:
        (directory / file).write_bytes(answer(nginx, file, fields))
    for loop in LOOPS:
        yield f"services.sites, {loop}", stack.enter_context(servers.sites(core.server, directory, loop=loop))
    for loop in LOOPS:
        yield f"null protocol, {loop}", stack.enter_context(servers.null(core.server, directory, loop=loop))


def answer(nginx: Server | None, file: str, fields: tuple[str, ...]) -> bytes:
    """Return nginx's answer to such a request; where nginx is missing, a like one."""
    if nginx is None:
        page = servers.PAGE.encode()
        return STAND_IN % (len(page), b"close" if fields else b"keep-alive", page)
    lines = "".join(f"{field}\r\n" for field in fields)
    return servers.answer_of(nginx.port, REQUEST.format(host=file.removesuffix(".http"), fields=lines).encode())


def measure(
    mode: tuple[str, str, tuple[str, ...], float], contestants: dict[str, Server], rounds: Rounds, core: Core, say: Say
) -> tuple[tuple[Group, ...], Table]:
    """Load the servers in turns."""
    title, file, fields, goal = mode
    fields = (f"Host: {file.removesuffix('.http')}", *fields)
    targets = {name: Target(f"{server.url}/", (server,), fields) for name, server in contestants.items()}
    title = f"sites, {title}"
    measured = load_in_turns(title, targets, rounds, core, say)
    goals = (Goal(OURS, goal, "nginx", HELD_BY, NULL),)
    return groups_of(title, measured, reference="nginx", goals=goals), busy_table(title, measured, cores=core.number)
