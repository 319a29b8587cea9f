"""`client pipeline` and `client worker` as programs: exit codes, one line on stderr, and never a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from services.runtime.settings import LOOPS
from tests.client.pipeline.jetstream.brokers import PASSWORD, Broker

ROOT = Path(__file__).parents[4]


@pytest.fixture
def environment(broker: Broker, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a program that knows the broker."""
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return {**os.environ, "BROKER_URL": broker.settings().url, "BROKER_PASSWORD_FILE": str(file)}


def start(
    environment: dict[str, str], *words: str, stdout: IO[bytes] | int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.client", *words],
        cwd=ROOT,
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipeline_and_a_worker(environment: dict[str, str], loop: str) -> None:
    """All results, exit 0; the worker ends by SIGTERM with 0, and says nothing but its loop."""
    worker = start(environment, "worker", "--loop", loop)
    pipeline = start(environment, "pipeline", "--edition", "jetstream", "-n", "200", "--format", "json", "--loop", loop)
    out, _ = pipeline.communicate(timeout=50)
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=20)
    assert (pipeline.returncode, worker.returncode) == (0, 0)
    assert out.count('"reply": "200 OK"') == 200
    assert said == f"loop: {loop}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_no_worker_is_there(environment: dict[str, str], number: signal.Signals) -> None:
    """Exit 130, and how to go on; then the run does go on."""
    words = ("pipeline", "--edition", "jetstream", "-n", "50", "--run", "later", "--format", "json")
    pipeline = start(environment, *words)
    assert pipeline.stderr
    for line in pipeline.stderr:
        if "no worker asks for jobs yet" in line:
            break
    pipeline.send_signal(number)
    _, said = pipeline.communicate(timeout=20)
    assert pipeline.returncode == 130
    assert "--edition jetstream --run later" in said
    assert "Traceback" not in said
    worker, again = start(environment, "worker"), start(environment, *words)
    out, said = again.communicate(timeout=50)
    worker.terminate()
    worker.communicate(timeout=20)
    assert again.returncode == 0, said
    assert out.count('"reply": "200 OK"') == 50
    forgetting = start(environment, "pipeline", "--edition", "jetstream", "--forget", "later", "--loop", "asyncio")
    _, said = forgetting.communicate(timeout=20)
    assert (forgetting.returncode, said) == (0, "loop: asyncio\nrun later is removed from the broker\n")
    again = start(environment, "pipeline", "--edition", "jetstream", "--forget", "later")
    _, said = again.communicate(timeout=20)
    assert again.returncode == 2
    assert said.endswith("there is no run later at the broker: give the id of one that is\n")


def test_output_that_cannot_be_written_leaves_the_results(environment: dict[str, str]) -> None:
    """Exit 3, after the run's id was said; then its results are there."""
    words = ("pipeline", "--edition", "jetstream", "-n", "50", "--run", "full", "--format", "json")
    worker = start(environment, "worker")
    with Path("/dev/full").open("wb") as full:
        pipeline = start(environment, *words, stdout=full)
        _, said = pipeline.communicate(timeout=50)
    assert pipeline.returncode == 3, said
    assert "run full: to go on with it, --run full" in said
    worker.terminate()
    worker.communicate(timeout=20)
    again = start(environment, *words)
    out, said = again.communicate(timeout=50)
    assert again.returncode == 0, said
    assert out.count('"reply": "200 OK"') == 50


def test_a_stop_while_the_broker_is_away(environment: dict[str, str], broker: Broker) -> None:
    """Neither program waits for it."""
    worker = start(environment, "worker")
    pipeline = start(environment, "pipeline", "--edition", "jetstream", "-n", "1000000", "--format", "json")
    assert pipeline.stdout
    pipeline.stdout.readline()
    broker.kill()
    for program in (worker, pipeline):
        program.terminate()
    said = [program.communicate(timeout=20)[1] for program in (worker, pipeline)]
    assert (worker.returncode, pipeline.returncode) == (0, 130)
    assert "Traceback" not in "".join(said)
