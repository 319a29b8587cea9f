"""Work alongside a block: cancelled with it, and its errors are the block's."""

import asyncio
import subprocess
import sys

import pytest

from services.runtime.settings import LOOPS
from services.runtime.tasks import background_task, run_in_daemon_thread

pytestmark = pytest.mark.anyio


class Mistake(Exception):
    """Nobody expects it."""


async def fail() -> None:
    """Raise, in a task of its own."""
    raise Mistake


async def test_work_is_cancelled_on_the_way_out() -> None:
    """And has ended by then."""
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("work")

    async with background_task(work()):
        await asyncio.sleep(0)
    assert ended == ["work"]


async def test_an_error_of_the_work_ends_the_block() -> None:
    """At once: a block that waits for ever is no reason to keep it back."""
    with pytest.raises(ExceptionGroup) as caught:
        async with background_task(fail()):
            await asyncio.Event().wait()
    assert caught.group_contains(Mistake)


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    """Whoever expects it need not look into groups."""
    with pytest.raises(Mistake):
        async with background_task(asyncio.sleep(3600)), background_task(asyncio.sleep(3600)):
            await fail()


async def test_a_cancellation_goes_through() -> None:
    """It is not the work's error, and it ends the work."""

    async def block() -> None:
        async with background_task(asyncio.sleep(3600)):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


BLOCKED = """
import os, signal, sys, threading
from services.runtime.tasks import background_task, run_in_daemon_thread
from services.runtime.run import run, until_stopped

def block() -> int:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()
    return 0

sys.exit(run(lambda stop: until_stopped(run_in_daemon_thread(block), stop), loop=sys.argv[1]))
"""


@pytest.mark.anyio
async def test_what_the_call_returns_or_raises_comes_back() -> None:
    """As if it had been called here."""
    assert await run_in_daemon_thread(lambda: 7) == 7
    with pytest.raises(OSError, match="no such thing"):
        await run_in_daemon_thread(refuse)


def refuse() -> None:
    """Raise what a file may."""
    raise OSError("no such thing")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_program_ends_though_a_call_blocks(loop: str) -> None:
    """Reading a terminal ends when a person likes, the program when it is told."""
    program = (sys.executable, "-c", BLOCKED, loop)
    done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (130, f"loop: {loop}\n")
