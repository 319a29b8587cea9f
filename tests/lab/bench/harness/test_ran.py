"""The record of what a bench ran."""

import sys

from lab import ROOT
from lab.bench.harness import ran
from lab.bench.harness.processes import cost_of, free_port, serving

SERVE = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"


def test_programs_and_servers_are_recorded_with_their_exact_commands() -> None:
    """Those that differ in numbers alone are one row, with the first command."""
    with ran.recorded() as record:
        for text in ("1", "2"):
            cost_of("echo", [sys.executable, "-c", f"print({text})"], timeout_s=20, environment={"A": "b c"})
        port = free_port()
        with serving("server", [sys.executable, "-c", SERVE, str(port)], port=port):
            pass
    table = record.table("it")
    assert [row[:2] for row in table.rows] == [("1. echo", 2), ("2. server", 1)]
    assert all(isinstance(figure, float) and figure > 0 for row in table.rows for figure in row[2:])
    first, second = record.commands()
    assert first == "1. $ A='b c' python -c 'print(1)'"
    assert second.endswith(f" {port}")


def test_what_runs_while_no_record_is_open_is_not_recorded() -> None:
    with ran.recorded() as record:
        pass
    cost_of("true", ["true"], timeout_s=20)
    assert record.commands() == ()


def test_a_command_is_that_of_any_checkout() -> None:
    """Where this one stands says nothing to a reader."""
    assert ran.command_text([f"{ROOT}/.venv/bin/nats-server", "--help"], {}) == ".venv/bin/nats-server --help"
    assert ran.command_text(["docker", f"--volume={ROOT}/lab/x.py:/x.py"], {}) == "docker --volume=./lab/x.py:/x.py"
