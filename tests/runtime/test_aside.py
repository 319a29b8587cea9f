"""A call that blocks keeps neither the loop nor the end of the program waiting."""

import subprocess
import sys

import pytest

from services.runtime.aside import aside
from services.runtime.names import LOOPS

BLOCKED = """
import os, signal, sys, threading
from services.runtime.aside import aside
from services.runtime.run import run, until_stopped

def block() -> int:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()
    return 0

sys.exit(run(lambda stop: until_stopped(aside(block), stop), loop=sys.argv[1]))
"""


@pytest.mark.anyio
async def test_what_the_call_returns_or_raises_comes_back() -> None:
    """As if it had been called here."""
    assert await aside(lambda: 7) == 7
    with pytest.raises(OSError, match="no such thing"):
        await aside(fail)


def fail() -> None:
    """Raise what a file may."""
    raise OSError("no such thing")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_program_ends_though_a_call_blocks(loop: str) -> None:
    """Reading a terminal ends when a person likes, the program when it is told."""
    program = (sys.executable, "-c", BLOCKED, loop)
    done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (130, f"loop: {loop}\n")
