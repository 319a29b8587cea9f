"""`client trace`: a program ends as by itself, says what it would say, and its trace is written."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.client.trace.model import Outcome
from tests.client.trace.chrome.format_rules import events_of_file, violations
from tests.client.trace.program.written import TRACED, program, without_addresses
from tests.client.trace.tracing import by_name, run_python, run_traced, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")

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
    "debug mode": (
        "async def main():\n    asyncio.get_running_loop().slow_callback_duration = 3_600\n"
        "    for make in (asyncio.create_task, asyncio.ensure_future, asyncio.get_running_loop().create_task):\n"
        "        task = make(work())\n        print(task)\n        await task\n"
        "asyncio.run(main(), debug=True)"
    ),
    "it counts its threads": (
        "async def main():\n    await work()\n    print(threading.active_count(), threading.enumerate())\n"
        "asyncio.run(main())"
    ),
    "what its module has": (
        "x: int = 1\nprint(globals().get('__annotations__'), __loader__.name)\n"
        "print(__loader__.get_filename(), __loader__.get_source(None))\n"
        "print(sorted(globals()))\nasyncio.run(work())"
    ),
    "its own excepthook": "sys.excepthook = lambda *error: print('hook', error[1])\nasyncio.run(work())\n1 / 0",
}
NO_LOOP = {"no asyncio program", "it ends with an error and no loop", "it is no Python"}


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
