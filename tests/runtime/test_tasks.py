"""A background task is cancelled with its block, and its error ends the block; a daemon thread delays no end."""

import asyncio
import subprocess
import sys

import pytest

from services.runtime.settings import LOOPS
from services.runtime.tasks import background_task, run_in_daemon_thread

pytestmark = pytest.mark.anyio


class Mistake(Exception):
    """An error that no code expects."""


async def fail() -> None:
    """Raise it."""
    raise Mistake


async def test_the_task_is_cancelled_when_the_block_ends() -> None:
    """It has ended before the block is left."""
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


async def test_an_error_of_the_task_ends_the_block() -> None:
    """At once, although the block waits for ever."""
    with pytest.raises(ExceptionGroup) as caught:
        async with background_task(fail()):
            await asyncio.Event().wait()
    assert caught.group_contains(Mistake)


async def test_an_error_of_the_block_is_raised_unchanged() -> None:
    """It is not in a group: the caller need not know of the task."""
    with pytest.raises(Mistake):
        async with background_task(asyncio.sleep(3600)), background_task(asyncio.sleep(3600)):
            await fail()


async def test_a_cancellation_goes_through() -> None:
    """It is no error of the task, and it ends the task."""

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
async def test_a_call_in_a_thread_returns_or_raises_as_usual() -> None:
    """Its result and its error are those of the call."""
    assert await run_in_daemon_thread(lambda: 7) == 7
    with pytest.raises(OSError, match="no such thing"):
        await run_in_daemon_thread(refuse)


def refuse() -> None:
    """Raise an error as of a file."""
    raise OSError("no such thing")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_program_ends_although_a_call_blocks(loop: str) -> None:
    """A read of a terminal may last; a stop ends the program all the same."""
    program = (sys.executable, "-c", BLOCKED, loop)
    done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (130, f"loop: {loop}\n")
