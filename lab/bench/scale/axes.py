"""What a point of each axis measures: whole programs, as a person runs them, except that output goes to /dev/null."""

import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lab.bench.harness.curve import Point
from lab.bench.harness.load import servers
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server, cost_of
from lab.bench.pipeline.broker import broker, client_worker, workers
from lab.bench.pipeline.memory import run as run_pipeline
from lab.bench.wget.contestants import client_command
from lab.bench.wget.one_host import CONCURRENCY, HOST, recorded_page, routes
from services.runtime.files.temporary import temporary_directory
from services.runtime.process import HIGH_WATER, memory_kib, raise_open_files

LOOP = "uvloop"
TIMEOUT_S = 600.0
UNSEEN = ("sh", "-c", 'exec "$@" > /dev/null', "sh")
JOBS_PER_WORKER = 250
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"


def targets(number: int) -> Point:
    """Fetch so many targets; an exit code of 0 says that every one was answered."""
    core = Core()
    with temporary_directory("asynclab-bench-") as directory, recorded_page(core, directory) as server:
        command = client_command(CONCURRENCY, LOOP, routes(server))
        return program("client wget", command, number, stdin=f"{HOST}\n".encode() * number)


def items(number: int) -> Point:
    """Send so many items through the queue edition; an exit code of 0 says that every one has its result."""
    words = ("pipeline", "--edition", "queue", "-n", str(number), "--format", "json", "--loop", LOOP, "--quiet")
    return program("client pipeline", (sys.executable, "-m", "services.client", *words), number)


def program(name: str, command: Sequence[str], number: int, *, stdin: bytes = b"") -> Point:
    """Run a program to its end. Raises BenchFailed where its exit code is not 0."""
    cost = cost_of(name, (*UNSEEN, *command), timeout_s=TIMEOUT_S, stdin=stdin)
    return Point(number, cost.wall_s, cost.cpu_s, cost.peak_kib / 1024)


def workers_of_pipeline(number: int) -> Point:
    """Give so many workers 250 jobs each, over a broker: memory of producer, broker and all workers."""
    with (
        broker() as at,
        workers(client_worker(LOOP), number, at, {**os.environ, **at.environment}) as started,
    ):
        running = [at.server, *(Server(0, each.pid) for each in started)]
        before_s = sum(each.cpu_s() for each in running)
        cost = run_pipeline("jetstream", number * JOBS_PER_WORKER, at.environment)
        used_s = sum(each.cpu_s() for each in running) - before_s
        peak_kib = cost.peak_kib + sum(each.peak_kib() for each in running)
    return Point(number, cost.wall_s, cost.cpu_s + used_s, peak_kib / 1024)


def recorded_hosts(number: int) -> Point:
    """Start the sites with so many recorded hosts: seconds until they answer."""
    with temporary_directory("asynclab-bench-") as directory:
        for each in range(number):
            (directory / f"host-{each}.example.http").write_bytes(PAGE)
        began = time.perf_counter()
        with servers.sites((), directory, loop=LOOP) as server:
            wall_s = time.perf_counter() - began
            return Point(number, wall_s, server.cpu_s(), server.peak_kib() / 1024)


def connections(number: int) -> Point:
    """Open so many connections to a site, and have each of them answer once: seconds, and the site's memory."""
    raise_open_files()
    with temporary_directory("asynclab-bench-") as directory, ExitStack() as stack:
        Path(directory, f"{HOST}.http").write_bytes(PAGE)
        server = stack.enter_context(servers.sites((), directory, loop=LOOP))
        before_s, began = server.cpu_s(), time.perf_counter()
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(number)]
        for each in opened:
            ask(each)
        wall_s = time.perf_counter() - began
        peak_mib = memory_kib(server.pid, HIGH_WATER) / 1024
        return Point(number, wall_s, server.cpu_s() - before_s, peak_mib)


def ask(connection: socket.socket) -> None:
    """Send a request, and read the answer whole."""
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    answer = b""
    while not servers.whole(answer):
        block = connection.recv(65_536)
        if not block:
            raise ConnectionError("the site ended a connection")
        answer += block
