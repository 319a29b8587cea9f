"""The hello server as a process: workers, signals, exit codes."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from services.hello.workers import announce
from services.runtime.http import Address
from services.runtime.settings import LOOPS

STARTED = re.compile(rb"Server started at (http://127\.0\.0\.1:\d+)\.\.\.\n")


@asynccontextmanager
async def started(**environment: str) -> AsyncIterator[tuple[Process, str]]:
    """Start the program on a free port; yield it with the URL that it printed; kill it if it is left running."""
    settings = {"HELLO_HOST": "127.0.0.1", "HELLO_PORT": "0", "HELLO_DELAY_S": "0"} | environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.hello", env=os.environ | settings, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout
    try:
        line = STARTED.fullmatch(await process.stdout.readline())
        assert line
        yield process, line[1].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.anyio
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sigterm_answers_requests_in_flight_and_exits_0(loop: str, workers: str) -> None:
    """As Compose stops it: no request is lost, and the exit code is 0."""
    async with started(LAB_LOOP=loop, HELLO_WORKERS=workers, HELLO_DELAY_S="0.2") as (process, url):
        async with ClientSession() as session:
            asked = [asyncio.ensure_future(session.get(f"{url}/hello/{n}")) for n in range(20)]
            while await in_flight(session, url) < 20:
                pass
            process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*asked)
        assert [answer.status for answer in answers] == [200] * 20
        assert await process.wait() == 0


async def in_flight(session: ClientSession, url: str) -> float:
    """Return how many requests have begun, over all workers: answered and in flight."""
    async with session.get(f"{url}/metrics") as response:
        text = await response.text()
    return sum(
        float(n)
        for n in re.findall(r'^hello_requests_(?:in_flight|total\{route="/hello/{name}"\}) (.+)$', text, re.MULTILINE)
    )


@pytest.mark.anyio
async def test_metrics_of_several_workers_add_up() -> None:
    """Any worker answers /metrics for all of them."""
    async with started(HELLO_WORKERS="3") as (_process, url), ClientSession() as session:
        for n in range(30):
            async with session.get(f"{url}/hello/{n}", headers={"Connection": "close"}) as response:
                assert response.status == 200
        async with session.get(f"{url}/metrics") as response:
            assert 'hello_requests_total{route="/hello/{name}"} 30.0' in (await response.text()).splitlines()


@pytest.mark.anyio
async def test_a_shared_directory_of_metrics_alone_makes_no_worker(tmp_path: Path) -> None:
    """Other programs use PROMETHEUS_MULTIPROC_DIR too: a server does not end with its stdin because of it."""
    async with (
        started(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as (_process, url),
        ClientSession() as session,
        session.get(f"{url}/hello/x") as response,
    ):
        assert response.status == 200


@pytest.mark.anyio
async def test_a_worker_that_dies_ends_the_server() -> None:
    """Exit code 1, so that the engine restarts the whole container."""
    async with started(HELLO_WORKERS="2") as (process, _url):
        children = (await asyncio.to_thread(children_of, process.pid)).split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert await process.wait() == 1


@pytest.mark.anyio
async def test_the_name_of_the_loop_is_printed_once() -> None:
    """The supervisor prints it for all workers."""
    async with started(HELLO_WORKERS="2") as (process, _url):
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
    assert said == b"loop: asyncio\n"


@pytest.mark.anyio
@pytest.mark.parametrize("first", ["1", "2"])
@pytest.mark.parametrize("second", ["1", "2"])
async def test_a_port_that_another_server_has_is_not_shared(first: str, second: str) -> None:
    """SO_REUSEPORT is for the workers of one server: two servers would each get half of the requests."""
    async with started(HELLO_WORKERS=first) as (_process, url):
        port = url.rpartition(":")[2]
        said = await refusal({"HELLO_HOST": "127.0.0.1", "HELLO_PORT": port, "HELLO_WORKERS": second})
        assert said.startswith(f"hello: cannot listen on 127.0.0.1:{port} (Address already in use)".encode())


def test_a_server_that_cannot_print_its_start_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a closed stdout is no reason to serve no pages."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        announce(Address("127.0.0.1", 8000))
    monkeypatch.setattr(sys, "stdout", None)
    announce(Address("127.0.0.1", 8000))


def children_of(pid: int) -> str:
    """Return the process ids of a process's children."""
    with open(f"/proc/{pid}/task/{pid}/children") as children:  # noqa: PTH123
        return children.read()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (
            {"HELLO_DELAY_S": "soon"},
            b"hello: HELLO_DELAY_S='soon' is not a number from 0 to 3600: correct it or leave it out\n",
        ),
        ({"PROMETHEUS_MULTIPROC_DIR": "/nowhere"}, b"hello: PROMETHEUS_MULTIPROC_DIR='/nowhere' is not a directory"),
        ({"HELLO_HOST": "192.0.2.1", "HELLO_PORT": "1"}, b"hello: cannot listen on 192.0.2.1:1 "),
    ],
    ids=["bad setting", "no directory", "address not ours"],
)
async def test_a_wrong_setting_is_one_line_and_exit_2(environment: dict[str, str], line: bytes) -> None:
    """Without a traceback."""
    said = await refusal(environment)
    assert said.startswith(line)
    assert b"Traceback" not in said


async def refusal(environment: dict[str, str]) -> bytes:
    """Return what the program prints when it does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.hello", env=os.environ | environment, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(20):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 2
    return said.removeprefix(b"loop: asyncio\n")
