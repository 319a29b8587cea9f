"""Where a fetch tells of its phases and retries, for a trace. Without one, to tell is next to nothing.

`services.client.survey.fetch.lanes` has what takes it, and is imported where there is a trace.
"""

from typing import Protocol


class FetchTrace(Protocol):
    """Where the phases and retries of fetches go, from within the task that fetches."""

    def phase(self, name: str, since_s: float) -> float:
        """Note a phase that has been going on since then (time.monotonic) and ends now; return the time now."""
        ...

    def retry(self, reason: str) -> None:
        """Note that a further attempt is made, and what the last one came to."""
        ...


class NotTraced:
    """No trace."""

    def phase(self, _name: str, since_s: float) -> float:
        """Return a time, as no phase is noted."""
        return since_s

    def retry(self, reason: str) -> None:
        """Note nothing."""


NOT_TRACED: FetchTrace = NotTraced()
