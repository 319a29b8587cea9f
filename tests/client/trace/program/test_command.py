"""`client trace` as a command: what it refuses, where the trace goes, what it says."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.client.defaults import ON_HOST
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Outcome, Trace
from tests.client.trace.program.written import program
from tests.client.trace.tracing import by_name, run_traced, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")

REFUSED = {
    "no such script": (["missing.py"], "client: cannot read 'missing.py': No such file or directory", 3),
    "no such module": (["-m", "no_such_module"], "client: cannot run the module 'no_such_module': there is none", 3),
    "a package without a main module": (["-m", "xml"], "client: cannot run the module 'xml': it is a package", 3),
    "a compiled module": (["-m", "sys"], "client: cannot run the module 'sys': it is compiled", 3),
    "a script as a module": (["-m", "program.py"], "client: cannot run the module 'program.py': it is a script", 3),
    "no program": ([], "client: trace records a program: give it", 2),
    "a directory": (["--trace", ".", "program.py"], "client: cannot write the trace to .: Is a directory", 3),
    "no directory": (["--trace", "no/f", "program.py"], "client: cannot write the trace to no/f: No such file", 3),
    "a pipe without a reader": (["--trace", "pipe", "program.py"], "client: cannot write the trace to pipe: a pipe", 3),
    "a trace in place of the script": (
        ["--trace", "./program.py", "program.py"],
        "client: --trace and the script both name './program.py': give them two files",
        2,
    ),
    "a report in place of the script": (
        ["--report", "program.py", "program.py"],
        "client: --report and the script both name 'program.py': give them two files",
        2,
    ),
    "a bound of nothing": (["--held", "0", "program.py"], "client trace: argument --held: '0' is not a number", 2),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_cannot_be_done_is_refused_before_the_program_runs(refused: str, tmp_path: Path) -> None:
    """In one line, with the exit code of its kind."""
    os.mkfifo(tmp_path / "pipe")
    program(tmp_path, "print('it ran')")
    words, line, code = REFUSED[refused]
    done = run_traced(words, cwd=tmp_path)
    assert done.stderr.startswith(line)
    assert (done.stderr.count("\n"), done.stdout, done.returncode) == (1, "", code)


def test_a_program_that_changes_its_directory_is_recorded_where_it_was_started(tmp_path: Path) -> None:
    """A file's name means what it meant on the command line."""
    (tmp_path / "other").mkdir()
    name = program(tmp_path, "os.chdir('other')\nasyncio.run(work())")
    done = run_traced(["--report", "report.html", name], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {name, "other", "trace.json", "report.html"}
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--held", "0.5"], ["--no-places"]], ids=" ".join)
def test_a_report_says_the_command_that_makes_it_again(tmp_path: Path, options: list[str]) -> None:
    """With the report's name, and with each option that changes what is drawn."""
    name = program(tmp_path, "asyncio.run(work())")
    words = [*options, "--report", "report.html", name, "one"]
    assert run_traced(words, cwd=tmp_path).returncode == 0
    text = re.sub("<[^>]+>", "", (tmp_path / "report.html").read_text("utf-8"))
    assert f"{ON_HOST} trace {' '.join(words)}\n" in text


def test_code_without_the_name_of_a_module_may_hold_the_loop(tmp_path: Path) -> None:
    """As `exec` runs it, with globals of any kind; the recorder goes on looking, and says nothing."""
    text = (
        "async def holds():\n    exec('import time; time.sleep(0.3)', {'__name__': None})\n"
        "    exec('import time; time.sleep(0.3)', {})\nasyncio.run(holds())"
    )
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert "calls held the loop once" in done.stderr
    [held] = trace_in(tmp_path).blockings
    assert held.place


def test_a_program_that_never_ends_is_seen_while_it_runs(tmp_path: Path) -> None:
    """Through a pipe, as it comes; the reader's end does not end the program."""
    text = (
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(asyncio.sleep(0), name='seen')\n        await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    name = program(tmp_path, text)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "services.client", "trace", "--trace", f"/dev/fd/{writing}", name]
    with subprocess.Popen(command, cwd=tmp_path, pass_fds=[writing], stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        (tmp_path / "seen").write_bytes(read_until(reading, b'"name":"seen","cat":"task","args":{"outcome"'))
        os.close(reading)
        process.terminate()
        process.communicate(timeout=50)
    assert process.returncode == -signal.SIGTERM
    trace: Trace = read_trace(tmp_path / "seen")
    assert {name: task.outcome for name, task in by_name(trace).items()} == {"main": None, "seen": Outcome.RETURNED}


def read_until(reading: int, end: bytes) -> bytes:
    """Return what comes through a pipe, until this has come."""
    found = b""
    while end not in found:
        more = os.read(reading, 65_536)
        assert more, found
        found += more
    return found


def test_the_line_says_what_held_the_loop_and_what_recording_took(tmp_path: Path) -> None:
    """And --quiet says nothing."""
    text = (
        "import time\nasync def holds():\n    await work()\n    until = time.perf_counter() + 0.2\n"
        "    while time.perf_counter() < until:\n        pass  # here\nasyncio.run(holds())"
    )
    name = program(tmp_path, text)
    done = run_traced([name], cwd=tmp_path)
    assert re.fullmatch(
        r"trace: 1 task in 2 slices: trace\.json; calls held the loop once, for \d+ ms at most at program\.py:\d+; "
        r"recording took about [\d.]+ ms, [\d.]+% of the time\n",
        done.stderr,
    )
    [held] = trace_in(tmp_path).blockings
    assert held.task == 1
    assert held.function == "holds"
    lines = [number for number, line in enumerate((tmp_path / name).read_text().splitlines(), 1) if "while" in line]
    assert int(held.place.partition(":")[2]) in {lines[0], lines[0] + 1}
    assert run_traced(["--quiet", name], cwd=tmp_path).stderr == ""


def test_without_places_kinds_alone_are_known(tmp_path: Path) -> None:
    """By what is waited for, which costs less."""
    done = run_traced(["--no-places", program(tmp_path, "asyncio.run(asyncio.wait_for(work(), 5))")], cwd=tmp_path)
    assert done.returncode == 0
    slices = [each for task in trace_in(tmp_path).tasks for each in task.slices if each.kind]
    assert slices
    assert {each.place for each in slices} == {""}
