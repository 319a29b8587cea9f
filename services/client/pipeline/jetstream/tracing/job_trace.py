"""The producer's side of a run that is traced: when each job is put, and what workers tell of it."""

import asyncio
import time

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.tracing.lanes import WorkerLanes
from services.client.pipeline.jetstream.tracing.told import decode_told
from services.client.trace.recorder import Recorder
from services.runtime.tasks import set_within

QUEUE = "jobs"
LAST_WORD_S = 1.0  # for what workers tell of the last jobs, whose results are there already


class JobTrace:
    """Takes what becomes of jobs. `lanes`: those of workers, a feed of the trace beside the recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.lanes = WorkerLanes(recorder.process.clock)
        self._told = asyncio.Event()

    def put(self, number: int, open_jobs: int) -> None:
        """Note that the running task puts a job; `open_jobs`: how many are at the broker then."""
        self.lanes.given(number, self._recorder.point())
        self._recorder.depth(QUEUE, open_jobs)

    def closed(self, open_jobs: int) -> None:
        """Note that a job has its result, or a reason why not."""
        self._recorder.depth(QUEUE, open_jobs)

    def note(self, message: Msg) -> None:
        """Take what a worker tells. What cannot be read is passed over: it is no job."""
        try:
            told = decode_told(message.data)
        except Undecodable:
            return
        self.lanes.take(told, time.perf_counter())
        self._told.set()

    async def last_words(self) -> None:
        """Wait for what workers tell last, for a moment at most."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + LAST_WORD_S
        while self.lanes.is_incomplete and (left_s := until_s - loop.time()) > 0:
            self._told.clear()
            await set_within(self._told, left_s)
