"""A machine without further threads or memory for the survey: one clear line, and no target is lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.settings import LOOPS
from tests.client.survey.hostile import shut_port
from tests.client.survey.surveys import command, read_records, run_words

pytestmark = pytest.mark.usefixtures("unmeasured")

TARGETS = 2_000
NO_THREADS = """
import sys, threading
from services.client.cli import main

start = threading.Thread.start

def refuse(thread):
    if thread.name.startswith(sys.argv[1]):
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = refuse
sys.exit(main(sys.argv[2:]))
"""
# The address space of a process, from too little for Python's own libraries to as much as is needed. At 40,000 KiB the
# C library itself may abort: it loads another library (libgcc_s) when a thread ends.
ADDRESS_SPACES = (30_000, 60_000, 180_000, 300_000)


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """Return a file of targets."""
    file = tmp_path / "targets"
    file.write_text("".join(f"host-{number}\n" for number in range(TARGETS)))
    return file


def run_without(threads: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the client where no thread starts whose name begins so."""
    return run_words(sys.executable, "-c", NO_THREADS, threads, *arguments)


@pytest.mark.parametrize("threads", ["", "read", "write"])
@pytest.mark.parametrize("processes", [1, 2])
def test_no_thread_is_one_line_and_leaves_the_output_alone(
    threads: str, processes: int, targets: Path, tmp_path: Path
) -> None:
    """What the last survey wrote is not lost for one that cannot begin."""
    output = tmp_path / "out"
    output.write_text("precious")
    result = run_without(
        threads, "wget", "-i", targets, "-o", output, "--format", "csv", "--force", f"--processes={processes}"
    )
    lines = [line for line in result.stderr.splitlines() if not line.startswith("loop: ")]
    assert (result.returncode, len(lines), output.read_text()) == (3, 1, "precious"), result.stderr
    assert lines[0].startswith("client: this machine allows no more threads")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "command_line", ["pipeline", "faults set www.163.com --plan -", "journal www.163.com --verify -"]
)
def test_a_command_that_needs_a_thread_is_one_line(loop: str, command_line: str) -> None:
    """Calls that may block run in a thread."""
    result = run_without("", *command_line.split(), "--loop", loop)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 2)
    assert "client: this machine allows no more threads" in result.stderr


def test_names_without_a_thread_to_look_them_up_end_at_their_deadline() -> None:
    """As if the resolver gave no answer."""
    result = run_without("names", "wget", "host.invalid", "--timeout", "0.2", "--format", "jsonl")
    assert (result.returncode, result.stdout.count('"error": "dns"')) == (4, 1)


@pytest.mark.parametrize(("asked", "code"), [("0", 4), ("2", 3)], ids=["not asked for", "asked for"])
def test_processes_that_cannot_be_started(asked: str, code: int, targets: Path, tmp_path: Path) -> None:
    """One process fetches everything, unless several were asked for: then that is an error, and what to do."""
    with shut_port() as (_, port):
        result = run_without(
            *("probe", "wget", "-i", targets, "-o", tmp_path / "out", "--format", "jsonl", "-q", "--resolve"),
            *(f"*:80:127.0.0.1:{port}", "--processes", asked),
        )
    told = [line for line in result.stderr.splitlines() if "cannot start a process of the survey" in line]
    assert (result.returncode, len(told)) == (code, 1)
    assert len(read_records(tmp_path / "out")) == (TARGETS if code == 4 else 0)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize("address_space_kib", ADDRESS_SPACES)
def test_little_memory_is_enough_or_one_line(
    address_space_kib: int, processes: str, loop: str, targets: Path, tmp_path: Path
) -> None:
    """Either every target has its record, or one line says what is missing; a traceback says neither."""
    with shut_port() as (_, port):
        result = run_words(
            *("prlimit", f"--as={address_space_kib * 1024}"),
            *command("-i", targets, "-o", tmp_path / "out", "--format", "jsonl", "-q", "--loop", loop),
            *("--resolve", f"*:80:127.0.0.1:{port}", "--processes", processes),
        )
    lines = [line for line in result.stderr.splitlines() if not line.startswith("loop: ")]
    assert (result.returncode, len(lines)) in {(4, 0), (4, 1), (3, 1)}, result.stderr
    if result.returncode == 4:
        assert len(read_records(tmp_path / "out")) == TARGETS
