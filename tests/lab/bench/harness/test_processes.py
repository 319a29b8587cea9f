"""Running the programs that are measured."""

import sys
import time

import pytest

from lab.bench.errors import BenchFailed
from lab.bench.harness import memory, process_times
from lab.bench.harness.processes import cost_of, free_port, serving

MIB = 1024 * 1024
SERVE = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"


def python(code: str, *words: str) -> list[str]:
    """Return the command that runs a piece of Python."""
    return [sys.executable, "-c", code, *words]


def test_a_programs_cost_is_its_own() -> None:
    """Memory of this process does not count as the program's, although this process started it."""
    held = bytearray(300 * MIB)
    code = "import sys, time; sys.stdout.write(sys.stdin.read()); x = bytearray(40 << 20); time.sleep(1)"
    cost = cost_of("echo", python(code), timeout_s=20, stdin=b"hello")
    assert cost.out == "hello"
    assert 40 * 1024 < cost.peak_kib < 200 * 1024
    assert 0 < cost.cpu_s < cost.wall_s + 1
    assert len(held) == 300 * MIB


def test_a_programs_memory_is_that_of_all_its_processes() -> None:
    """Processes that a program starts count too."""
    holds = "import time; x = bytearray(60 << 20); time.sleep(1)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holds!r}], check=True)"
    assert cost_of("it", python(code), timeout_s=20).peak_kib > 60 * 1024


def test_what_processes_share_is_counted_once() -> None:
    """The libraries of an interpreter are in memory once, however many interpreters run."""
    waits = "import sys; sys.stdin.read()"
    code = (
        "import subprocess, sys, time\n"
        f"three = [subprocess.Popen([sys.executable, '-c', {waits!r}], stdin=subprocess.PIPE) for _ in range(3)]\n"
        "time.sleep(1)\n"
        "for each in three: each.communicate()\n"
    )
    alone = cost_of("it", python("import time; time.sleep(1)"), timeout_s=20).peak_kib
    assert alone < cost_of("it", python(code), timeout_s=20).peak_kib < 3.5 * alone
    assert memory.held_by(2**22 + 1) == memory.Held()


def test_a_program_that_fails_is_named_with_its_last_lines() -> None:
    """A program that failed has no figure."""
    with pytest.raises(BenchFailed, match="exit code 3") as failed:
        cost_of("it", python("import sys; print('why', file=sys.stderr); sys.exit(3)"), timeout_s=20)
    assert failed.value.evidence == ("why",)


def test_a_program_that_does_not_end_is_ended() -> None:
    """Every wait has a deadline."""
    began = time.monotonic()
    with pytest.raises(BenchFailed, match="exit code -9"):
        cost_of("it", python("import time; time.sleep(600)"), timeout_s=0.3)
    assert time.monotonic() - began < 300


def test_a_server_runs_inside_the_block_and_ends_after_it() -> None:
    """Its processor time can be read while it runs."""
    port = free_port()
    with serving("server", python(SERVE, str(port)), port=port) as server:
        assert server.port == port
        assert server.cpu_s() > 0
    assert process_times.cpu_s(server.pid) == 0


def test_a_server_that_does_not_start_is_named_with_its_last_lines() -> None:
    """At once, before the deadline."""
    with (
        pytest.raises(BenchFailed, match="does not start") as failed,
        serving("server", python("import sys; sys.exit('no port for me')"), port=free_port()),
    ):
        pytest.fail("it runs")
    assert failed.value.evidence == ("no port for me",)
