"""What a trace has of fetches: a lane for each, with its phases and retries, and how it ended."""

import time
from collections.abc import Awaitable

from services.client.survey.results.record import Record
from services.client.trace.model import Outcome
from services.client.trace.recorder import Recorder
from services.runtime.terminal import printable


class RecordedFetches:
    """The phases and retries of fetches, in a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def phase(self, name: str, since_s: float) -> float:
        """Note a phase of the running task. Its begin is told by another clock than the recorder's."""
        now = time.monotonic()
        self._recorder.phase_ended(name, time.perf_counter() - (now - since_s))
        return now

    def retry(self, reason: str) -> None:
        """Note a mark of the running task."""
        self._recorder.mark("retry", reason)


async def in_lane(recorder: Recorder, name: str, fetching: Awaitable[Record]) -> Record:
    """Make a fetch in a lane of this name, and return its record."""
    track = recorder.lane(name)
    outcome = Outcome.RAISED
    try:
        with recorder.running_in(track):
            record = await fetching
        track.finish(ending(record), ok=record.error is None)
        outcome = Outcome.RETURNED
    finally:
        track.ended(recorder.total_s, outcome)
    return record


def ending(record: Record) -> str:
    """Return how a fetch ended, for people: by its status line, or by its error."""
    if record.head is not None:
        return printable(f"{record.head.status} {record.head.reason.decode('latin-1')}".rstrip())
    return printable(f"{record.error}: {record.detail}" if record.detail else f"{record.error}")
