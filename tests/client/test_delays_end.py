"""Sites that a program delays are as before when it ends, by whatever signal."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lab import ROOT
from services.client.settings import TUTORIAL_HOSTS
from tests.lab.serving.labs import get, ready, serving

POLL_S = 0.02
COMMANDS = {
    "compare": ("compare", "--delay", "60", "--timeout", "60"),
    "pipeline": ("pipeline", "--edition", "queue", "--delay", "60", "--timeout", "60", "--input"),
}


class StandingLab(NamedTuple):
    """A lab: its gateway's URL, and the admin side of one of its sites."""

    url: str
    admin: str

    def source(self) -> str:
        """Return where the plan that is in force at the site comes from."""
        return str(json.loads(get(self.admin))["source"])


@pytest.fixture(scope="module")
def lab() -> Iterator[StandingLab]:
    """Have a lab that stands."""
    with serving("--format", "json") as process:
        said = ready(process)
        host = TUTORIAL_HOSTS[0]
        yield StandingLab(said["gateway"], f"{said['sites'][host]['admin']}/faults/{host}")


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("compare", signal.SIGINT),
        ("compare", signal.SIGHUP),
        ("pipeline", signal.SIGTERM),
        ("pipeline", signal.SIGHUP),
    ],
    ids=["compare, SIGINT", "compare, SIGHUP", "pipeline, SIGTERM", "pipeline, SIGHUP"],
)
def test_a_signal_ends_the_delay(command: str, number: signal.Signals, lab: StandingLab, tmp_path: Path) -> None:
    """With exit code 130; SIGHUP is what a terminal sends when it closes."""
    targets = tmp_path / "targets.txt"
    targets.write_text("\n".join(TUTORIAL_HOSTS))
    words = [*COMMANDS[command], *([str(targets)] if command == "pipeline" else [])]
    before = lab.source()
    program = [sys.executable, "-m", "services.client", *words, "--lab", lab.url]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while lab.source() != "temporary":
            assert running.poll() is None, running.stderr
            time.sleep(POLL_S)
        running.send_signal(number)
        _, said = running.communicate()
    assert (running.returncode, "Traceback" in said) == (130, False), said
    assert lab.source() == before != "temporary"
