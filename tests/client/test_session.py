"""A resolver that hangs delays neither the deadline of a command nor its end by ^C."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.settings import LOOPS

ROOT = Path(__file__).parents[2]
HANGING = """
import os, signal, socket, sys, threading
from services.client.cli import main

def hang(*_args, **_options):
    if sys.argv[1] == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()

socket.getaddrinfo = hang
sys.exit(main(sys.argv[2:]))
"""
COMMANDS = [
    ("hello", "--timeout"),
    ("wget host.invalid", "--timeout"),
    ("wget --edition await host.invalid", "--timeout"),
    ("journal host.invalid", ""),
    ("faults list host.invalid", ""),
]


def run_hanging(ending: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client with a resolver that never answers, and maybe a ^C while it is asked."""
    return subprocess.run(
        [sys.executable, "-c", HANGING, ending, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("command", [command for command, _ in COMMANDS])
def test_an_interrupt_ends_it(command: str, loop: str) -> None:
    """Exit 130, although the resolver hangs."""
    result = run_hanging("interrupt", *command.split(), "--loop", loop)
    assert result.returncode == 128 + signal.SIGINT, result.stderr


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("command", [command for command, timeout in COMMANDS if timeout])
def test_the_deadline_ends_it(command: str, loop: str) -> None:
    """Exit 4: nothing answered."""
    result = run_hanging("", *command.split(), "--loop", loop, "--timeout", "0.3")
    assert (result.returncode, result.stdout.replace("wget host.invalid...\n", "")) == (4, ""), result.stderr
