"""What a trace has of fetches: a lane for each, with its phases and retries, and how it ended."""

from collections.abc import Awaitable, Coroutine
from functools import lru_cache
from time import monotonic, perf_counter
from typing import Any

from services.client.survey.results.record import Record
from services.client.trace.model import MAX_TEXT, Outcome
from services.client.trace.recorder import Recorder
from services.runtime.terminal import printable


class RecordedFetches:
    """The phases and retries of fetches, in a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ahead_s = perf_counter() - monotonic()  # how far the recorder's clock is ahead of that of fetches

    def phase(self, name: str, since_s: float) -> float:
        """Note a phase of the running task. Its begin is told by another clock than the recorder's."""
        now = perf_counter()
        self._recorder.note_phase(name, since_s + self._ahead_s, now)
        return now - self._ahead_s

    def retry(self, reason: str) -> None:
        """Note a mark of the running task."""
        self._recorder.mark("retry", reason)


class Lanes:
    """A lane for each fetch, in a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def followed(self, fetching: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """Return a coroutine for a task that makes one fetch after another, each in a lane."""
        return self._recorder.followed(fetching)

    async def fetched(self, name: str, fetching: Awaitable[Record]) -> Record:
        """Make a fetch in a lane of this name, and return its record."""
        recorder = self._recorder
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
        return status_line(record.head.status, record.head.reason[:MAX_TEXT])
    return printable(f"{record.error}: {record.detail}" if record.detail else f"{record.error}")


@lru_cache(maxsize=64)
def status_line(status: int, reason: bytes) -> str:
    """Return a status and its reason for people. Most hosts of a survey send one of few."""
    return printable(f"{status} {reason.decode('latin-1')}".rstrip())
