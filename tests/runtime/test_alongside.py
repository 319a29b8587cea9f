"""Work alongside a block: cancelled with it, and its errors are the block's."""

import asyncio

import pytest

from services.runtime.alongside import alongside

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

    async with alongside(work()):
        await asyncio.sleep(0)
    assert ended == ["work"]


async def test_an_error_of_the_work_ends_the_block() -> None:
    """At once: a block that waits for ever is no reason to keep it back."""
    with pytest.raises(ExceptionGroup) as caught:
        async with alongside(fail()):
            await asyncio.Event().wait()
    assert caught.group_contains(Mistake)


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    """Whoever expects it need not look into groups."""
    with pytest.raises(Mistake):
        async with alongside(asyncio.sleep(3600)), alongside(asyncio.sleep(3600)):
            await fail()


async def test_a_cancellation_goes_through() -> None:
    """It is not the work's error, and it ends the work."""

    async def block() -> None:
        async with alongside(asyncio.sleep(3600)):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
