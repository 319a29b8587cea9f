"""`lab watch` as a process: one line says where the page is, and the end leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import ROOT
from lab.watching.browser import has_browser
from tests.lab.serving.labs import LAB, TIMEOUT_S, accepts, get

LINE = re.compile(rb"The lab is at (http://127\.0\.0\.1:\d+)/\n")
Process = subprocess.Popen[bytes]


@contextmanager
def watching(*words: str, **streams: Any) -> Iterator[tuple[Process, str]]:
    """Start `lab watch` on a free port, and yield it and its URL; kill it if it still runs."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([LAB, "watch", "--port", "0", *words], cwd=ROOT, **{**pipes, **streams}) as process:
        try:
            assert process.stdout
            found = LINE.fullmatch(process.stdout.readline())
            assert found
            yield process, found[1].decode()
        finally:
            process.kill()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_one_line_says_where_the_page_is_and_a_signal_ends_it(
    loop: str, number: signal.Signals, code: int, temporary: Path
) -> None:
    """Everything answers when the line is there; at the end nothing is left, broker and workers among it."""
    with watching("--loop", loop) as (process, url):
        assert b"<html" in get(f"{url}/")
        assert b'"healthy": true' in get(f"{url}/api/state")
        children = children_of(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, out) == (code, b"")
        assert b"Traceback" not in err
        assert not accepts(url)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
    assert list(temporary.iterdir()) == []


def test_what_it_has_started_ends_with_it_when_it_is_killed(temporary: Path) -> None:
    """The kernel ends the broker and the workers."""
    with watching() as (process, _url):
        children = children_of(process.pid)
        process.kill()
        process.wait()
    assert children
    for child in children:
        wait_for_the_end(child)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def words_of(pid: int) -> list[str]:
    """Return the command line of a process; none where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for_the_end(pid: int) -> None:
    """Wait until a process that is no child of this one has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    try:
        ended, _, _ = select.select([descriptor], [], [], TIMEOUT_S)
    finally:
        os.close(descriptor)
    assert ended


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    """In one line, with exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [LAB, "watch", "--port", str(port)], cwd=ROOT, check=False, capture_output=True, timeout=TIMEOUT_S
        )
    assert (ended.returncode, ended.stdout) == (2, b"")
    last = ended.stderr.decode().splitlines()[-1]
    assert last.startswith(f"lab: cannot listen on 127.0.0.1:{port} (")


def test_a_stdout_that_is_closed_is_refused() -> None:
    """Who could not say where the page is has not started."""
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" watch --port 0 >&-', LAB], cwd=ROOT, check=False, capture_output=True, timeout=TIMEOUT_S
    )
    assert ended.returncode == 3


@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":0"}, {"BROWSER": "firefox"}], ids=str)
def test_no_browser_is_opened_where_stdout_is_no_terminal(display: dict[str, str]) -> None:
    """A program that reads the line wants no window."""
    assert not has_browser(display)


def test_a_worker_that_is_killed_is_started_again() -> None:
    """As a container would be: so its jobs can be seen to go to another worker, and the next run has as many."""
    with watching() as (process, url):
        before = children_of(process.pid)
        killed = next(pid for pid in before if "worker" in words_of(pid))
        os.kill(killed, signal.SIGKILL)
        left = set(before) - {killed}
        while not left < (after := set(children_of(process.pid)) - {killed}):
            get(f"{url}/healthz")
        assert len(after) == len(before)
