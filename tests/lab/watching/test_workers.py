"""The workers of `lab watch`: another one for each that has ended, and a machine that has no room is waited for."""

import asyncio
import errno
import os

import pytest

from lab.watching import workers
from services.runtime.tasks import background_task

pytestmark = pytest.mark.anyio


class EndedWorker:
    """A process that has ended."""

    returncode = 0

    async def wait(self) -> int:
        return 0


async def test_a_worker_that_cannot_be_started_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page goes on meanwhile: the lab would else end for want of one process."""
    asked, third = 0, asyncio.Event()

    async def start(_variables: object) -> EndedWorker:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if asked == 3:
            third.set()
        return EndedWorker()

    monkeypatch.setattr(workers, "start_worker", start)
    monkeypatch.setattr(workers, "AGAIN_S", 0)
    async with background_task(workers.work_for_ever({})), asyncio.timeout(10):
        await third.wait()
