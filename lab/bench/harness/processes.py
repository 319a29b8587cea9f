"""Runs what is measured: servers for as long as they are needed, programs to their end.

Every wait has a deadline; a server that does not start, or a program that fails, is a BenchFailed with its last lines.
The kernel says what a program cost: its processor time when it ends (wait4), its memory while it runs (`memory`).
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.bench.errors import BenchFailed
from lab.bench.harness import memory, ran
from lab.bench.harness.process_times import cpu_s
from services.runtime.files.temporary import temporary_file

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.02
MEMORY_POLL_S = 0.02
LAST_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Cost:
    """The output of a program and its cost: seconds, processor seconds, and the most memory it held, in KiB.

    The memory is that of all its processes together.
    """

    out: str
    wall_s: float
    cpu_s: float
    peak_kib: int


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port on loopback, its first process, and the port of its admin side if it has one."""

    port: int
    pid: int
    admin_port: int = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """Return the processor seconds that it and its workers have used so far."""
        return sum(cpu_s(pid) for pid in family(self.pid))

    def peak_kib(self) -> int:
        """Return the most memory that it and its workers have held so far."""
        return memory.peak_kib(family(self.pid))


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    environment: Mapping[str, str] | None = None,
    address: str = LOOPBACK,
    server_pid: Callable[[], int] | None = None,
) -> Iterator["Server"]:
    """Run a server until the block ends; inside, its port answers. Raises BenchFailed where it does not start.

    `server_pid`: returns the server's process, where that of the command is another.
    """
    with temporary_file() as log:
        process = subprocess.Popen(
            command,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            await_port(name, process, (address, port), log)
            server = Server(port, server_pid() if server_pid else process.pid)
            yield server
            ran.note(name, command, environment=environment, cpu_s=server.cpu_s(), peak_kib=server.peak_kib())
        finally:
            stop(process)


def await_port(name: str, process: "subprocess.Popen[bytes]", at: tuple[str, int], log: IO[bytes]) -> None:
    """Return when the port accepts connections. Raises BenchFailed where it does not in time."""
    last = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < last and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(at, timeout=1):
            return
        time.sleep(POLL_S)
    raise BenchFailed(name, why="it does not start", evidence=last_lines(log))


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process by SIGTERM; by SIGKILL if it does not end in time."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cost_of(
    name: str,
    command: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a program to its end and return what it cost. Raises BenchFailed where it fails or takes too long."""
    with temporary_file() as given, temporary_file() as out, temporary_file() as log:
        given.write(stdin)
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | (environment or {}), stdin=given, stdout=out, stderr=log)
        ended = threading.Event()
        killer = threading.Timer(timeout_s, process.kill)
        with watched(process.pid, ended) as peaks:
            killer.start()
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:  # an interrupt: the program may not have got it
                process.kill()
                raise
            finally:
                killer.cancel()
                ended.set()
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise BenchFailed(name, why=f"exit code {process.returncode}", evidence=last_lines(log))
        out.seek(0)
        text = out.read().decode("utf-8", "replace")
    cost = Cost(text, wall_s, usage.ru_utime + usage.ru_stime, peaks.kib())
    ran.note(name, command, environment=environment, cpu_s=cost.cpu_s, peak_kib=cost.peak_kib)
    return cost


@contextlib.contextmanager
def watched(pid: int, ended: threading.Event) -> Iterator[memory.Peaks]:
    """Note the most memory of a process and each descendant, every MEMORY_POLL_S seconds until it ends."""
    peaks = memory.Peaks()

    def watch() -> None:
        while True:
            peaks.note(family(pid))
            if ended.wait(MEMORY_POLL_S):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text("ascii").split():
                yield from family(int(child))


def last_lines(log: IO[bytes]) -> tuple[str, ...]:
    """Return the last lines that a program wrote."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - LAST_BYTES))
    return tuple(log.read().decode("utf-8", "replace").splitlines()[-10:])
