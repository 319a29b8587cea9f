"""A client in its container without a terminal: each signal reaches it, and Compose cannot leave it behind.

Docker's client is played by a program: its `run` waits until `kill` says how it ends, as a container does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKER = """
import os, signal, sys
from pathlib import Path

home, words = Path(__file__).parent, sys.argv[1:]

def note(line):
    with open(home / "calls", "a") as calls:
        calls.write(line + "\\n")

def interrupted(*_):
    note("run: interrupted")
    os._exit(1)

if words[0] == "run":
    signal.signal(signal.SIGINT, interrupted)
    print("loop: test", flush=True)
    code = int((home / "end").read_text())
    if not (home / "is_left").exists():
        (home / "has_container").unlink(missing_ok=True)
    sys.exit(code)
note(" ".join(words[:-1]))
if words[0] == "rm" or not (home / "has_container").exists():
    sys.exit(1)
if not (home / "is_left").exists():
    (home / "end").write_text("130")
"""
PROGRAM = """
import os, sys
from lab.compose.client_run import run_client
docker = [sys.executable, sys.argv[1]]
sys.exit(run_client(["wget"], run=[*docker, "run"], docker=docker, project="test", environ=os.environ))
"""


class ClientRun:
    """A run of a client by a program, whose Docker is played in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "docker.py").write_text(DOCKER)
        os.mkfifo(home / "end")
        words = [sys.executable, "-c", PROGRAM, str(home / "docker.py")]
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )

    def until_it_runs(self) -> None:
        """Wait for what the client says when it begins."""
        assert self.process.stdout
        assert self.process.stdout.readline() == b"loop: test\n"

    def end(self, code: int) -> None:
        """Have `run` end by itself."""
        (self.home / "end").write_text(str(code))

    @property
    def calls(self) -> list[str]:
        """What was asked of Docker, and whether Compose was interrupted, in this order."""
        file = self.home / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ClientRun]:
    """Run a client; killed at the end."""
    client = ClientRun(tmp_path)
    with client.process:
        try:
            client.until_it_runs()
            yield client
        finally:
            client.process.kill()


@pytest.mark.parametrize(
    ("number", "passed_on"),
    [(signal.SIGINT, "INT"), (signal.SIGTERM, "TERM"), (signal.SIGHUP, "TERM"), (signal.SIGQUIT, "TERM")],
)
def test_a_signal_of_a_terminal_reaches_the_container_and_not_compose(
    client: ClientRun, number: signal.Signals, passed_on: str
) -> None:
    """A terminal sends ^C to all of its foreground; the exit code is the client's."""
    (client.home / "has_container").touch()
    os.killpg(client.process.pid, number)
    assert client.process.wait() == 130
    assert client.calls == [f"kill --signal {passed_on}", "kill --signal TERM", "rm --volumes"]


def test_before_there_is_a_container_the_signal_ends_compose(client: ClientRun) -> None:
    """What it has made by then is removed."""
    os.killpg(client.process.pid, signal.SIGINT)
    assert client.process.wait() == 1
    assert client.calls == ["kill --signal INT", "run: interrupted", "kill --signal TERM", "rm --volumes"]


def test_a_client_that_compose_leaves_behind_is_ended(client: ClientRun) -> None:
    """As where the reader of the output has left, by which Compose ends."""
    for name in ("has_container", "is_left"):
        (client.home / name).touch()
    client.end(1)
    assert client.process.wait() == 1
    assert client.calls == ["kill --signal TERM"]


def test_a_run_that_ends_well_asks_nothing_more(client: ClientRun) -> None:
    """No program is started for it."""
    client.end(0)
    assert client.process.wait() == 0
    assert client.calls == []
