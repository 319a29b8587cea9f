"""Deadlines: every wait ends in time, also a wait that is short again and again."""

import asyncio
import socket

import pytest

from services.client.survey.deadlines import NEVER, Deadline, DeadlineSweeper, Expired, SurveyStopped

MANY = 20_000  # waits, more than there are between two looks of the sweeper


async def wait_often(deadline: Deadline, until_s: float) -> None:
    """Wait again and again, each time until something is released."""
    for _ in range(MANY):
        await deadline.wait(asyncio.get_running_loop().create_future(), until_s)


def release_waiter(deadline: Deadline) -> None:
    """Let the worker go on, as the poller does when its socket is ready."""
    if deadline.waiter and not deadline.waiter.done():
        deadline.waiter.set_result(None)


@pytest.mark.anyio
@pytest.mark.parametrize(("until_s", "end"), [(0.0, Expired), (NEVER, SurveyStopped)])
async def test_a_task_that_is_released_again_and_again_ends_too(until_s: float, end: type[Exception]) -> None:
    """A peer that drips fast has always just sent a byte when the sweeper looks."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    theirs.send(b"x")  # and it is not read: each turn of the loop begins with the news that there is something
    with ours, theirs, DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        loop.add_reader(ours, release_waiter, deadline)
        sweeper.stop_after(0 if end is SurveyStopped else NEVER)
        try:
            with pytest.raises(end):
                await wait_often(deadline, until_s)
        finally:
            loop.remove_reader(ours)


@pytest.mark.anyio
async def test_bytes_that_have_come_are_read_after_the_deadline_and_no_more() -> None:
    """If this process is late, that is no error of the host; but there is no time for more."""
    loop = asyncio.get_running_loop()
    deadline = Deadline()
    came, comes = loop.create_future(), loop.create_future()
    waiting = asyncio.ensure_future(deadline.wait(came, 1.0))
    await asyncio.sleep(0)
    came.set_result(4)
    deadline.end(2.0)
    assert await waiting == 4
    waiting = asyncio.ensure_future(deadline.wait(comes, 2.0))
    await asyncio.sleep(0)
    assert comes.done()
    with pytest.raises(Expired):
        await waiting
    assert await deadline.wait(came, 3.0) == 4
