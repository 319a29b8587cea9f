"""`client trace`: a program runs as Python runs it, and its trace is written however it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Outcome, Trace
from tests.client.trace.chrome.format_rules import events_of_file, violations
from tests.client.trace.tracing import by_name, run_python, run_traced, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")

WORK = """
import asyncio, os, signal, sys, threading
async def work():
    await asyncio.sleep(0)
"""
TRACED = re.compile(r"^trace: .*\n\Z", re.MULTILINE)

ENDINGS = {
    "it returns": "asyncio.run(work())",
    "it raises": "async def fails():\n    await work()\n    raise ValueError('no')\nasyncio.run(fails())",
    "a task raises": (
        "async def fails():\n    raise ValueError('no')\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(fails())\n"
        "asyncio.run(main())"
    ),
    "an error that no one takes": (
        "async def fails():\n    raise ValueError('no')\n"
        "async def main():\n    asyncio.get_running_loop().create_task(fails()); await work()\n"
        "asyncio.run(main())"
    ),
    "an error with a cause": (
        "async def fails():\n    try:\n        await work(); 1 / 0\n"
        "    except ZeroDivisionError as error:\n        raise ValueError('no') from error\n"
        "asyncio.run(fails())"
    ),
    "outside the loop": "asyncio.run(work())\nraise KeyError('later')",
    "sys.exit with a number": "asyncio.run(work())\nsys.exit(7)",
    "sys.exit with a text": "asyncio.run(work())\nsys.exit('ended')",
    "sys.exit within a task": "async def ends():\n    await work()\n    sys.exit(5)\nasyncio.run(ends())",
    "os._exit": "asyncio.run(work())\nos._exit(9)",
    "sigterm": "asyncio.run(work())\nos.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()",
    "sighup": "asyncio.run(work())\nos.kill(os.getpid(), signal.SIGHUP)\nsignal.pause()",
    "it closes its streams": "asyncio.run(work())\nsys.stdout.close()\nsys.stderr.close()",
    "sigterm within a task": (
        "async def ends():\n    await work()\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(ends())"
    ),
    "no asyncio program": "print(sys.argv[1:], __name__, __file__, sys.path[0])",
    "it ends with an error and no loop": "raise RuntimeError('early')",
    "it is no Python": "asyncio.run(",
    "it forks": (
        "asyncio.run(work())\nchild = os.fork()\nif child:\n    print(os.waitpid(child, 0)[1])\nelse:\n    sys.exit(4)"
    ),
    "a thread goes on": (
        "def later():\n    threading.main_thread().join(0.01); asyncio.run(work()); print('later')\n"
        "threading.Thread(target=later).start()"
    ),
    "it leaves little recursion": "asyncio.run(work())\nsys.setrecursionlimit(60)",
    "an error whose text ends the program": (
        "class Ends(Exception):\n    def __str__(self):\n        sys.exit(3)\n"
        "async def fails():\n    raise Ends\n"
        "async def main():\n    await asyncio.gather(fails(), return_exceptions=True)\n    print('later')\n"
        "asyncio.run(main())"
    ),
    "what is no coroutine": (
        "class Awaitable:\n    def __await__(self):\n        yield\n"
        "async def main():\n    for each in (Awaitable(), work, 3):\n        try:\n"
        "            asyncio.create_task(each)\n        except TypeError as error:\n            print(error)\n"
        "asyncio.run(main())"
    ),
    "a slow task in debug mode": (
        "async def slow():\n    threading.Event().wait(0.05)\n"
        "async def main():\n    loop = asyncio.get_running_loop()\n    loop.slow_callback_duration = 0.04\n"
        "    task = asyncio.create_task(slow())\n    print(task)\n    await task\n"
        "    print(await asyncio.ensure_future(asyncio.wait_for(work(), 5)))\nasyncio.run(main(), debug=True)"
    ),
    "it counts its threads": (
        "async def main():\n    await work()\n    print(threading.active_count(), threading.enumerate())\n"
        "asyncio.run(main())"
    ),
    "what its module has": (
        "x: int = 1\nprint(__annotations__, __loader__.name, __loader__.get_filename(), __loader__.get_source(None))\n"
        "print(sorted(globals()))\nasyncio.run(work())"
    ),
    "its own excepthook": "sys.excepthook = lambda *error: print('hook', error[1])\nasyncio.run(work())\n1 / 0",
}
NO_LOOP = {"no asyncio program", "it ends with an error and no loop", "it is no Python"}


def program(directory: Path, text: str) -> str:
    """Write a program, and return its file's name."""
    (directory / "program.py").write_text(WORK + text + "\n")
    return "program.py"


@pytest.mark.parametrize("ending", ENDINGS)
def test_output_errors_and_exit_code_are_pythons_own(ending: str, tmp_path: Path) -> None:
    """To the byte, tracebacks too; one line more says what was recorded. And the trace is there, and valid."""
    name = program(tmp_path, ENDINGS[ending])
    plain = run_python([name, "one", "--two"], cwd=tmp_path)
    traced = run_traced(["--report", "report.html", name, "one", "--two"], cwd=tmp_path)
    assert without_addresses(traced.stdout) == without_addresses(plain.stdout)
    assert without_addresses(TRACED.sub("", traced.stderr)) == without_addresses(plain.stderr)
    assert traced.returncode == plain.returncode
    assert len(TRACED.findall(traced.stderr)) == (ending != "it closes its streams")
    assert violations(events_of_file((tmp_path / "trace.json").read_text())) == []
    if ending in NO_LOOP:
        assert "no event loop ran" in traced.stderr
    else:
        trace = trace_in(tmp_path)
        assert trace.tasks
        assert {each.exit_code for each in trace.processes} == {shell_code(plain.returncode)}


def without_addresses(text: str) -> str:
    """Return a text in which addresses of objects, the wrapper's name in a task's, and default names are alike.

    Python 3.12 and newer warns of a fork beside the recorder's thread; 3.13.0 to 3.13.4 name no task of a factory.
    """
    return re.sub(
        r"coro=<.*?>|0x[0-9a-f]+|name='(Task-\d+|None)'|.*use of fork\(\).*\n.*\n|took \d.*|MainThread, started \d+",
        "",
        text,
    )


def shell_code(code: int) -> int:
    """Return an exit code as a shell has it: of a signal, 128 more."""
    return 128 - code if code < 0 else code


def test_ctrl_c_shows_what_python_shows_and_is_130(tmp_path: Path) -> None:
    """The program cleans up as it would have; the trace has what was cancelled."""
    text = (
        "async def waits():\n    print('ready', flush=True)\n    try:\n        await asyncio.Event().wait()\n"
        "    finally:\n        print('cleaned')\nasyncio.run(waits())"
    )
    name = program(tmp_path, text)
    plain, _ = interrupted([sys.executable, name], tmp_path)
    traced, code = interrupted([sys.executable, "-m", "services.client", "trace", name], tmp_path)
    assert TRACED.sub("", traced) == plain
    assert code == 130
    trace = trace_in(tmp_path)
    assert by_name(trace)["waits"].outcome is Outcome.CANCELLED
    assert trace.processes[0].exit_code == 130


def interrupted(command: list[str], cwd: Path) -> tuple[str, int]:
    """Start a program, interrupt it when it is ready, and return its stderr and its exit code."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=50)
    assert out == "cleaned\n"
    return error, process.returncode


def test_a_program_that_changes_its_directory_is_recorded_where_it_was_started(tmp_path: Path) -> None:
    """A file's name means what it meant on the command line."""
    (tmp_path / "other").mkdir()
    name = program(tmp_path, "os.chdir('other')\nasyncio.run(work())")
    done = run_traced(["--report", "report.html", name], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {name, "other", "trace.json", "report.html"}
    assert list((tmp_path / "other").iterdir()) == []


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


LOOPS = {
    "run": ("asyncio.run(work())", ["asyncio"]),
    "runner": ("with asyncio.Runner() as runner:\n    runner.run(work()); runner.run(work())", ["asyncio"]),
    "by hand": (
        "loop = asyncio.new_event_loop()\nfor _ in range(2):\n    loop.run_until_complete(work())\nloop.close()",
        ["asyncio"],
    ),
    "for ever": (
        (
            "loop = asyncio.new_event_loop()\ntask = loop.create_task(work())\n"
            "task.add_done_callback(lambda _: loop.stop())\nloop.run_forever()\nloop.close()"
        ),
        ["asyncio"],
    ),
    "uvloop": ("import uvloop\nuvloop.run(work())", ["uvloop"]),
    "factory": ("import uvloop\nasyncio.Runner(loop_factory=uvloop.new_event_loop).run(work())", ["uvloop"]),
    "anyio": ("import anyio\nanyio.run(work)", ["asyncio"]),
    "two": ("asyncio.run(work())\nasyncio.run(work())", ["asyncio", "asyncio"]),
    "both": ("import uvloop\nasyncio.run(work())\nuvloop.run(work())", ["asyncio", "uvloop"]),
    "threads": (
        (
            "threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]\n"
            "for each in threads:\n    each.start()\nfor each in threads:\n    each.join()"
        ),
        ["asyncio"] * 3,
    ),
}


@pytest.mark.parametrize("kind", LOOPS)
def test_every_way_to_run_a_loop_is_recorded(kind: str, tmp_path: Path) -> None:
    """Each loop is a process of the trace; a loop that runs several times is one."""
    text, loops = LOOPS[kind]
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    trace = trace_in(tmp_path)
    assert [each.loop for each in trace.processes] == loops
    runs = 2 if kind in {"runner", "by hand"} else 1
    for process in trace.processes:
        tasks = [task for task in trace.tasks if task.process == process.id and task.name.endswith("work")]
        assert [task.outcome for task in tasks] == [Outcome.RETURNED] * runs
    titles = [each.title for each in trace.processes]
    assert titles == ["", *(f"loop {number}" for number in range(2, len(loops) + 1))]


def test_a_factory_of_the_program_is_used_and_given_back(tmp_path: Path) -> None:
    """It makes the tasks, and what it makes them of is recorded."""
    text = (
        "made = []\ndef factory(loop, coroutine, **more):\n"
        "    made.append(1)\n    return asyncio.Task(coroutine, loop=loop, **more)\n"
        "async def main():\n    loop = asyncio.get_running_loop()\n    assert loop.get_task_factory() is None\n"
        "    loop.set_task_factory(factory)\n    assert loop.get_task_factory() is factory\n"
        "    await asyncio.create_task(work(), name='made')\n    print(len(made))\nasyncio.run(main())"
    )
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert by_name(trace_in(tmp_path))["made"].outcome is Outcome.RETURNED


def test_a_module_is_run_as_by_dash_m(tmp_path: Path) -> None:
    """With its package, its arguments, and imports from the working directory; `services` is the person's own."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("ours = 'mine'\n")
    (tmp_path / "services" / "__main__.py").write_text(
        "import asyncio, sys\nfrom . import ours\nasyncio.run(asyncio.sleep(0))\n"
        "print(ours, __name__, __package__, sys.argv[1:])\n"
    )
    words = ["services", "--trace", "-m"]
    plain = run_python(["-m", *words], cwd=tmp_path)
    traced = run_python(["-P", "-m", "asynclab", "trace", "-m", *words], cwd=tmp_path)
    assert (traced.stdout, traced.returncode) == (plain.stdout, 0), traced.stderr
    assert plain.stdout == "mine __main__ services ['--trace', '-m']\n"
    assert [task.name for task in trace_in(tmp_path).tasks] == ["sleep"]


MODULES = {
    "it raises": ("from . import ours\nasyncio.run(work())\nraise ValueError(ours)", ["package.module"]),
    "its package raises": ("print('not here')", ["package.broken.module"]),
    "it is not there": ("print('not here')", ["package.nothing"]),
    "it is pickled": (
        (
            "import pickle\nclass Kept:\n    pass\nprint(type(pickle.loads(pickle.dumps(Kept()))).__module__)\n"
            "print(sys.modules['__main__'].Kept is Kept, __spec__.name, sys.argv)\nasyncio.run(work())"
        ),
        ["package.module", "--one"],
    ),
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_a_package_is_run_as_by_dash_m(module: str, tmp_path: Path) -> None:
    """Tracebacks too, and a package is imported once."""
    text, words = MODULES[module]
    (tmp_path / "package" / "broken").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("ours = 'mine'\nprint('imported')\n")
    (tmp_path / "package" / "broken" / "__init__.py").write_text("raise RuntimeError('no')\n")
    (tmp_path / "package" / "module.py").write_text(f"{WORK}{text}\n")
    plain = run_python(["-m", *words], cwd=tmp_path)
    traced = run_traced(["-m", *words], cwd=tmp_path)
    assert traced.stdout == plain.stdout
    assert TRACED.sub("", traced.stderr) == plain.stderr
    assert traced.returncode == plain.returncode


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


def test_tasks_beyond_the_bound_are_counted_and_run(tmp_path: Path) -> None:
    """They run as they are, and so cost next to nothing."""
    text = (
        "async def none():\n    pass\n"
        "async def main():\n    for _ in range(12):\n        async with asyncio.TaskGroup() as group:\n"
        "            tasks = [group.create_task(none()) for _ in range(1_000)]\n"
        "    print(type(tasks[-1].get_coro()).__name__)\nasyncio.run(main())"
    )
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert done.stdout == "coroutine\n"
    assert "not recorded, beyond its bounds: 2,001 tasks;" in done.stderr
    assert len(trace_in(tmp_path).tasks) == 10_000


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
