"""`client pipeline` and `client worker` as programs: exit codes, one line on stderr, and never a traceback."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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


Program = subprocess.Popen[str]
Start = Callable[..., Program]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Return what starts a program; those that run at the end of the test are killed."""
    with ExitStack() as stack:

        def started(*words: str, stdout: IO[bytes] | int = subprocess.PIPE) -> Program:
            command = [sys.executable, "-m", "services.client", *words]
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipeline_and_a_worker(start: Start, loop: str) -> None:
    """All results, exit 0; the worker ends by SIGTERM with 0, and says nothing but its loop."""
    worker = start("worker", "--loop", loop)
    pipeline = start("pipeline", "--edition", "jetstream", "-n", "200", "--format", "json", "--loop", loop)
    out, _ = pipeline.communicate(timeout=50)
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=50)
    assert (pipeline.returncode, worker.returncode) == (0, 0)
    assert out.count('"reply": "200 OK"') == 200
    assert said == f"loop: {loop}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_no_worker_is_there(start: Start, number: signal.Signals) -> None:
    """Exit 130, and how to go on; then the run does go on."""
    words = ("pipeline", "--edition", "jetstream", "-n", "50", "--run", "later", "--format", "json")
    pipeline = start(*words)
    assert pipeline.stderr
    for line in pipeline.stderr:
        if "no worker asks for jobs yet" in line:
            break
    pipeline.send_signal(number)
    _, said = pipeline.communicate(timeout=50)
    assert pipeline.returncode == 130
    assert "--edition jetstream --run later" in said
    assert "Traceback" not in said
    worker, again = start("worker"), start(*words)
    out, said = again.communicate(timeout=50)
    worker.terminate()
    worker.communicate(timeout=50)
    assert again.returncode == 0, said
    assert out.count('"reply": "200 OK"') == 50
    forgetting = start("pipeline", "--edition", "jetstream", "--forget", "later", "--loop", "asyncio")
    _, said = forgetting.communicate(timeout=50)
    assert (forgetting.returncode, said) == (0, "loop: asyncio\nrun later is removed from the broker\n")
    again = start("pipeline", "--edition", "jetstream", "--forget", "later")
    _, said = again.communicate(timeout=50)
    assert again.returncode == 2
    assert said.endswith("there is no run later at the broker: give the id of one that is\n")


def test_output_that_cannot_be_written_leaves_the_results(start: Start) -> None:
    """Exit 3, after the run's id was said; then its results are there."""
    words = ("pipeline", "--edition", "jetstream", "-n", "50", "--run", "full", "--format", "json")
    worker = start("worker")  # it goes on: when the pipeline ends, some of its jobs may not be done
    with Path("/dev/full").open("wb") as full:
        pipeline = start(*words, stdout=full)
        _, said = pipeline.communicate(timeout=50)
    assert pipeline.returncode == 3, said
    assert "run full: to go on with it, --run full" in said
    again = start(*words)
    out, said = again.communicate(timeout=50)
    worker.terminate()
    assert again.returncode == 0, said
    assert out.count('"reply": "200 OK"') == 50


def test_a_stop_while_the_broker_is_away(start: Start, broker: Broker) -> None:
    """Neither program waits for it."""
    worker = start("worker")
    pipeline = start("pipeline", "--edition", "jetstream", "-n", "1000000", "--format", "json")
    assert pipeline.stdout
    pipeline.stdout.readline()
    broker.kill()
    for program in (worker, pipeline):
        program.terminate()
    said = [program.communicate(timeout=50)[1] for program in (worker, pipeline)]
    assert (worker.returncode, pipeline.returncode) == (0, 130)
    assert "Traceback" not in "".join(said)
