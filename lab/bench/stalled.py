"""`lab bench stalled`: what stalled connections and a million requests cost a site, in memory and in speed.

`measure` runs a site as a process. It holds as many stalled connections as the limit of open files lets (10,000 at
most), and measures answers while it holds them. Then it makes a million requests, and reads the memory before and after
them, and the journal: kept + dropped = total.
"""

import contextlib
import json
import socket
import time
import urllib.request
from statistics import median
from typing import NamedTuple

from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.load import servers
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say
from services.runtime.files.temporary import temporary_directory
from services.runtime.process import memory_kib, raise_open_files

MAX_STALLED = 10_000
SPARE_FILES = 512
REQUESTS = 1_000_000
WARM_UP = 200_000
PIPELINED = 250
ASKED = 3_000
STALL_AT = 40
TIMEOUT_S = 60.0
KEEP = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
STALLED_FILES = {
    "keep.test.http": KEEP,
    "stall.test.http": KEEP,
    "stall.test.toml": b"[[faults]]\nfault = 'stall_at'\nbytes = %d\n" % STALL_AT,
}


class Figure(NamedTuple):
    """One measured value."""

    name: str
    value: float
    unit: str


def bench(rounds: Rounds, say: Say) -> Result:
    """Return what `measure` finds, as a result."""
    say("stalled: connections, then requests (a minute at most)")
    figures = measure(stalled=rounds.stalled, requests=rounds.requests)
    rows = tuple(Row(", ".join(filter(None, (each.name, each.unit))), (each.value,), ours=True) for each in figures)
    return Result(
        "stalled",
        (Group("sites, stalled connections and many requests", "", rows, reference="", higher_is_better=None),),
        method=("services.sites, uvloop, a process of its own, on loopback; memory is resident",),
    )


def measure(*, loop: str = "uvloop", stalled: int = MAX_STALLED, requests: int = REQUESTS) -> list[Figure]:
    """Return what stalled connections and many requests cost. Needs a minute at most, and Linux."""
    count = min(stalled, raise_open_files() - SPARE_FILES)
    with temporary_directory("lab-stalled-") as directory:
        for name, data in STALLED_FILES.items():
            (directory / name).write_bytes(data)
        with servers.sites((), directory, loop=loop) as server:
            return [*hold(server, count), *ask_many(server, requests)]


def hold(server: Server, count: int) -> list[Figure]:
    """Measure answers with and without so many stalled connections, and the memory of each."""
    alone_us = answer_us(server)
    before_kib = memory_kib(server.pid)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(server)) for _ in range(count)]
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: stall.test\r\n\r\n")
        for connection in held:
            receive(connection, STALL_AT)
        each_kib = (memory_kib(server.pid) - before_kib) / count
        beside_us = answer_us(server)
    return [
        Figure("connections stalled", count, ""),
        Figure("memory of each", each_kib, "KiB"),
        Figure("an answer, alone", alone_us, "µs"),
        Figure("an answer, beside them", beside_us, "µs"),
    ]


def answer_us(server: Server) -> float:
    """Return the median time of an answer on one connection, in microseconds."""
    times = []
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ASKED):
            began = time.perf_counter()
            connection.sendall(b"GET / HTTP/1.1\r\nHost: keep.test\r\n\r\n")
            receive(connection, len(KEEP))
            times.append(time.perf_counter() - began)
    return median(times) * 1e6


def ask_many(server: Server, requests: int) -> list[Figure]:
    """Make many requests, and measure the memory after the journal has filled and after the last."""
    done = min(WARM_UP, requests // 2)
    began = time.perf_counter()
    ask(server, done)
    after_some_kib = memory_kib(server.pid)
    ask(server, requests - done)
    seconds = time.perf_counter() - began
    counts = journal(server)
    return [
        Figure("requests", requests, ""),
        Figure("requests a second, pipelined", requests / seconds, "/s"),
        Figure(f"memory after {done:,}", after_some_kib, "KiB"),
        Figure(f"memory after {requests:,}", memory_kib(server.pid), "KiB"),
        Figure("journal: kept + dropped - total", counts["kept"] + counts["dropped"] - counts["total"], ""),
        Figure("journal: total", counts["total"], ""),
    ]


def ask(server: Server, count: int) -> None:
    """Make so many requests on one connection, PIPELINED at a time."""
    with connect(server) as connection:
        for begin in range(0, count, PIPELINED):
            size = min(PIPELINED, count - begin)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: keep.test\r\n\r\n" * size)
            receive(connection, len(KEEP) * size)


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)


def journal(server: Server) -> dict[str, int]:
    """Return what the site's journal counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/journal?limit=0", timeout=TIMEOUT_S) as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def receive(connection: socket.socket, size: int) -> None:
    """Read so many bytes. Raises ConnectionError where the stream ends before."""
    while size:
        data = connection.recv(min(size, 262_144))
        if not data:
            raise ConnectionError("the site ended the connection")
        size -= len(data)
