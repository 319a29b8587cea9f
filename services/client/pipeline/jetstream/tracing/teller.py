"""The worker's side: notes when its jobs begin and end, and tells the producer of many at a time.

While the run is not traced, nothing is noted. A worker that works at long jobs says every half second that it lives: so
the producer can tell a slow worker from one that was killed.
"""

import asyncio
import time

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.tracing.told import MAX_JOBS, Began, Ended, Teller, Told, encode_told
from services.client.trace.clock import process_number, read_clock
from services.client.trace.model import Outcome, bounded
from services.runtime.run import running_loop_name
from services.runtime.tasks import set_within

TELL_S = 0.05  # between two messages
BEAT_S = 0.5
MAX_NOTED = 10_000  # jobs that are not told yet; more are only counted


def subject_of(run: str) -> str:
    """Return the subject on which workers tell of a run."""
    return f"trace.{run}"


class JobTeller:
    """Tells of one run's jobs. `is_on`: whether the run is traced."""

    def __init__(self, connection: Connection, run: str, *, worker: str) -> None:
        self._connection, self._subject = connection, subject_of(run)
        self._teller = Teller(worker, process_number(), running_loop_name(), read_clock())
        self.is_on = False
        self._noted: list[Began | Ended] = []
        self._before = 0
        self._wake = asyncio.Event()

    def began(self, number: int, deliveries: int) -> Began:
        """Note that a job begins; what is returned goes to `ended`."""
        began = Began(number, deliveries, time.perf_counter())
        self._note(began)
        return began

    def ended(self, began: Began, outcome: Outcome, note: str, *, ok: bool) -> None:
        """Note that a job has ended."""
        self._note(Ended(began.id, began.deliveries, time.perf_counter(), outcome, bounded(note), ok))

    def _note(self, job: Began | Ended) -> None:
        if len(self._noted) < MAX_NOTED:
            self._noted.append(job)
            self._wake.set()
        else:
            self._before += 1  # it is missed where the next message is read

    async def keep_telling(self) -> None:
        """Tell what is noted, again and again, until it is cancelled."""
        while True:
            await set_within(self._wake, BEAT_S)
            self._wake.clear()
            if self.is_on:
                await self.tell()
                await asyncio.sleep(TELL_S)

    async def tell(self) -> None:
        """Tell what is noted, or that this worker lives. What the broker does not get is lost."""
        noted, self._noted = self._noted, []
        for at in range(0, len(noted), MAX_JOBS) or (0,):
            jobs = tuple(noted[at : at + MAX_JOBS])
            await self._connection.publish(self._subject, encode_told(Told(self._teller, self._before, jobs)))
            self._before += len(jobs)
