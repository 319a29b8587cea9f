"""A call that blocks keeps neither the loop nor the end of the program waiting."""

import os
import signal
import threading

import pytest

from services.runtime.aside import aside
from services.runtime.command_line import INTERRUPTED
from services.runtime.names import LOOPS
from services.runtime.run import run, until_stopped


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
def test_a_stop_does_not_wait_for_a_call_that_blocks(loop: str) -> None:
    """Reading a terminal ends when a person likes, the program when it is told."""
    release = threading.Event()

    def block() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        release.wait()
        return 0

    try:
        assert run(lambda stop: until_stopped(aside(block), stop), loop=loop) == INTERRUPTED
    finally:
        release.set()
