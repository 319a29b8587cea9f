"""The lessons of the pipeline run as files, as a learner runs them; see `tests.client.wget`, too."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from services.runtime.settings import LOOPS
from tests.tutorial import DIALOGUE

PIPELINE = ROOT / "services/client/pipeline/editions"


def run_lesson(name: str, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a lesson to its end."""
    command = [sys.executable, str(PIPELINE / f"{name}.py"), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_queue_has_the_results_of_the_dialogue(tmp_path: Path, loop: str) -> None:
    """Each waits as long, so that they even come in order; the ledger is on stderr."""
    result = run_lesson("queue_", "--loop", loop, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, DIALOGUE)
    assert result.stderr.startswith(f"loop: {loop}\nledger: edition queue on {loop}, ")


@pytest.mark.parametrize("loop", LOOPS)
def test_the_consumers_of_the_queue_take_turns(tmp_path: Path, loop: str) -> None:
    """A learner sees that in the last lines of the ledger: four consumers, five items."""
    shares = run_lesson("queue_", "--loop", loop, cwd=tmp_path).stderr.splitlines()[-4:]
    assert [line.split()[:3] for line in shares] == [
        ["consumer", "1", "2"],
        ["consumer", "2", "1"],
        ["consumer", "3", "1"],
        ["consumer", "4", "1"],
    ]


@pytest.mark.parametrize("loop", LOOPS)
def test_the_broken_one_says_that_it_hangs(tmp_path: Path, loop: str) -> None:
    """After its deadline: exit 1, with the id that has no result."""
    result = run_lesson("broken", "--loop", loop, cwd=tmp_path)
    assert result.returncode == 1
    assert "Consuming 5" in result.stdout
    assert "Consuming 3" not in result.stdout
    assert "pipeline: without a result: 3\n" in result.stderr
    assert result.stderr.endswith("broken.py: join() still waits after 1 s: task_done() was skipped for item 3\n")
