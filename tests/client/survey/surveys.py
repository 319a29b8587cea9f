"""A survey in this process: targets in, records out; and one in a process of its own, to be signalled and killed."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.client.settings import ClientSettings
from services.client.survey.options import Options
from services.client.topology import OPEN, Topology
from services.client.wget.command import main
from services.runtime.run import Stop

Connect = Callable[[socket.socket, tuple[str, int]], int]
ROOT = Path(__file__).parents[3]
JsonRecord = dict[str, Any]  # a record as a reader of JSON lines has it


def connects_by(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the survey's sockets connect in this way, which returns an errno."""

    class Socket(socket.socket):
        def connect_ex(self, address: tuple[str, int]) -> int:  # type: ignore[override]
            return connect(self, address)

    monkeypatch.setattr("services.client.survey.transport.sockets.Socket", Socket)


async def survey(
    targets: Sequence[str],
    output: Path,
    topology: Topology = OPEN,
    *,
    stop: Stop | None = None,
    **options: Any,
) -> tuple[int, list[JsonRecord]]:
    """Run a survey, and return its exit code and records, in the order of their lines."""
    asked = Options(list(targets), format="jsonl", output=str(output), quiet=True, **options)
    code = await main(asked, ClientSettings(topology=topology), stop or Stop())
    return code, await asyncio.to_thread(read_records, output)


async def record_of(target: str, output: Path, topology: Topology = OPEN, **options: Any) -> JsonRecord:
    """Return the one record of one target."""
    _, records = await survey([target], output, topology, **options)
    assert len(records) == 1
    return records[0]


def read_records(output: Path) -> list[JsonRecord]:
    """Return the records of a file, in the order of their lines."""
    return sorted(map(json.loads, output.read_text("ascii").splitlines()), key=lambda record: int(record["line"]))


def route_of_all(topology: Topology) -> str:
    """Return the --resolve that leads every host to the one that is served as `host`."""
    ip, port = topology.routes["host", 80]
    return f"*:80:{ip}:{port}"


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of a client in a process of its own."""
    return [sys.executable, "-m", "services.client", "wget", *map(str, arguments)]


def run_client(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the client to its end."""
    return subprocess.run(command(*arguments), cwd=ROOT, input=stdin, capture_output=True, timeout=60, check=False)


def run_words(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run any command line to its end."""
    return subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@asynccontextmanager
async def started_client(
    *arguments: str | Path, stdin: bytes | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the client, with these bytes at its standard input, which stays open. If it still runs, it is killed."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdin and stdin:
            process.stdin.write(stdin)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run_client_async(
    *arguments: str | Path, stdin: bytes = b"", before: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run the client to its end, while this process serves it; `before` is what runs it, as in `prlimit ...`."""
    process = await asyncio.create_subprocess_exec(
        *before,
        *command(*arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate(stdin)
    finally:
        if process.returncode is None:  # the test has failed
            process.kill()
            await process.communicate()
    return subprocess.CompletedProcess(list(arguments), process.returncode or 0, out, err)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
