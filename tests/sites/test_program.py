"""`python -m services.sites`: a process that is ready when it says so, and that lets answers end when it is stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import ROOT
from services.runtime.serving.healthcheck import ready
from tests.ports import held_port
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import KEEP

START_S = 20.0


@contextmanager
def process(directory: Path, loop: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Run the program, and give it with its port and its admin port."""
    with held_port() as port, held_port() as admin_port:
        yield from running_at(directory, loop, port, admin_port)


def running_at(
    directory: Path, loop: str, port: int, admin_port: int
) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Run the program at these ports."""
    settings = {
        "SITES_RECORDINGS": str(directory),
        "SITES_HOST": "127.0.0.1",
        "SITES_PORT": str(port),
        "SITES_TLS_PORT": "0",
        "SITES_ADMIN_HOST": "127.0.0.1",
        "SITES_ADMIN_PORT": str(admin_port),
        "SITES_RELOAD_S": "0.1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.sites", "--loop", loop],
        cwd=ROOT,
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running, port, admin_port
        finally:
            running.kill()


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition of the process holds."""
    last = time.monotonic() + START_S
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < last
        time.sleep(0.02)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_sigterm_lets_an_answer_end(tmp_path: Path, loop: str) -> None:
    """Whole, although the port is closed at once; a second signal changes nothing; the exit code is 0."""
    (tmp_path / "a.test.http").write_bytes(KEEP)
    (tmp_path / "a.test.toml").write_text('[[faults]]\nfault = "drip"\nbytes = 10\ninterval_s = 0.05\n')
    with process(tmp_path, loop) as (running, port, admin_port):
        until(lambda: ready(admin_port))
        peer = Peer(("127.0.0.1", port), "a.test")
        with peer.connect() as connection:
            connection.sendall(peer.get())
            first = listen(connection, 10)
            running.send_signal(signal.SIGTERM)
            running.send_signal(signal.SIGTERM)
            rest = listen(connection, 1 << 62)
        assert Heard(first.data + rest.data, rest.end) == Heard(KEEP, "fin")
        assert running.wait(START_S) == 0


def test_a_bad_recording_is_named_and_waited_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The health check fails with file and reason; once it is corrected, the site is ready without a restart."""
    (tmp_path / "a.test.http").write_bytes(b"nonsense")
    with process(tmp_path, "asyncio") as (running, port, admin_port):
        until(lambda: not ready(admin_port))
        assert "a.test.http: has no status line" in capfd.readouterr().out
        with pytest.raises(ConnectionRefusedError):
            Peer(("127.0.0.1", port), "a.test").ask()
        (tmp_path / "a.test.http").write_bytes(KEEP)
        until(lambda: ready(admin_port))
        assert Peer(("127.0.0.1", port), "a.test").ask(most=len(KEEP)).data == KEEP
        running.terminate()
        assert running.wait(START_S) == 0
        assert running.stderr
        assert "not ready: recording a.test.http: has no status line" in running.stderr.read()
