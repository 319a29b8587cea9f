"""What a turn over a broker needs: `nats-server` on loopback with the lab's own configuration, and worker processes.

Each turn has a new broker in an empty directory, and workers that are connected before it begins. Their processor time
is read from the kernel, so that the turn's figure is that of all its processes.
"""

import contextlib
import json
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.errors import BenchFailed
from lab.bench.harness.processes import POLL_S, START_TIMEOUT_S, Server, free_port, last_lines, serving, stop
from lab.embedded.broker import PROGRAM, find_program
from services.broker.configuration import configuration
from services.broker.settings import ServerSettings
from services.runtime.files.temporary import temporary_directory, temporary_file
from services.runtime.http import Address

LOOPBACK = "127.0.0.1"
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs. `environment`: by which a client finds it."""

    server: Server
    environment: Mapping[str, str]

    def connections(self) -> int:
        """Return how many clients are connected."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.server.admin_port}/connz", timeout=5) as page:
            return int(json.load(page)["num_connections"])


@contextlib.contextmanager
def broker() -> Iterator[Broker]:
    """Run a broker until the block ends. Raises BenchFailed."""
    program = find_program()
    if program is None:
        raise BenchFailed(PROGRAM, why="it is missing")
    where, monitoring = Address(LOOPBACK, free_port()), Address(LOOPBACK, free_port())
    with temporary_directory("asynclab-bench-") as directory:
        password, file = secrets.token_urlsafe(), directory / "broker.conf"
        settings = ServerSettings(where, monitoring, store=directory / "store", store_bytes=None)
        file.touch(OWNER_ONLY)
        file.write_text(configuration(settings, password), "utf-8")
        environment = {"BROKER_URL": f"nats://{where}", "BROKER_PASSWORD_FILE": str(written(directory, password))}
        with serving(PROGRAM, [program, "--config", str(file)], port=where.port) as server:
            yield Broker(Server(where.port, server.pid, monitoring.port), environment)


def written(directory: Path, password: str) -> Path:
    """Write the password where clients read it."""
    file = directory / "password"
    file.touch(OWNER_ONLY)
    file.write_text(password, "utf-8")
    return file


@contextlib.contextmanager
def workers(command: Sequence[str], number: int, at: Broker, environment: Mapping[str, str]) -> Iterator[list[Server]]:
    """Run so many workers until the block ends; inside, all are connected. Raises BenchFailed."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(temporary_file())
        processes = []
        for _ in range(number):
            process = subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(stop, process)
            processes.append(process)
        stack.callback(ask_to_end, processes)  # all of them, before `stop` waits for each
        last = time.monotonic() + START_TIMEOUT_S
        while at.connections() < number:
            if time.monotonic() > last or any(process.poll() is not None for process in processes):
                raise BenchFailed("a worker", why="it does not start", evidence=last_lines(log))
            time.sleep(POLL_S)
        yield [Server(0, process.pid) for process in processes]


def ask_to_end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Ask all processes to end."""
    for process in processes:
        process.terminate()


def client_worker(loop: str, *, concurrency: int | None = None) -> list[str]:
    """Return the command line of this project's worker."""
    words = ["--concurrency", str(concurrency)] if concurrency else []
    return [sys.executable, "-m", "services.client", "worker", "--loop", loop, *words]
