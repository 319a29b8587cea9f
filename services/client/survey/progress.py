"""The progress of a survey: a live view on a terminal, else one line every few seconds; both on stderr.

A view gets the state at each sweep and decides itself whether it is time to show it.
"""

import math
import sys
import time
from collections import deque
from types import TracebackType
from typing import NamedTuple, Protocol

from services.client.survey.results.stats import Stats, counts
from services.runtime.terminal import say

LINE_EVERY_S = 5.0
VIEW_EVERY_S = 0.2
RATE_OVER_S = 10.0


class Progress(NamedTuple):
    """The state of a survey.

    `fraction` of the input that is done, None where its length is not known; `skipped` targets were done before.
    `ended`: whether every target that was taken has its record. `unwritten`: results that wait for the output's reader.
    """

    stats: Stats
    in_flight: int
    fraction: float | None
    skipped: int = 0
    ended: bool = False
    unwritten: int = 0

    def left_s(self, done_per_s: float) -> float | None:
        """Return the seconds left if the rest is like what is done, and goes as fast; None where that is not known."""
        if not self.fraction or not done_per_s:
            return None
        return (self.skipped + self.stats.done) * (1 - self.fraction) / self.fraction / done_per_s


class ProgressView(Protocol):
    """A display of progress."""

    def show(self, progress: Progress) -> None:
        """Show it, if it is time to."""

    def __enter__(self) -> "ProgressView": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class NoProgress:
    """Shows nothing."""

    def show(self, progress: Progress) -> None:
        """Do not show it."""

    def __enter__(self) -> "NoProgress":
        return self

    def __exit__(self, *_: object) -> None:
        return


class Speed:
    """Records a second, over the last RATE_OVER_S."""

    def __init__(self) -> None:
        self._points = deque([(time.monotonic(), 0)])

    def of(self, done: int) -> float:
        """Return the speed, now that so many are done."""
        now = time.monotonic()
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[0][0] > RATE_OVER_S:
            self._points.popleft()
        then, before = self._points[0]
        return (done - before) / max(now - then, 1e-6)


def progress_lines(progress: Progress, speed: Speed) -> list[str]:
    """Return the state as lines, the most important figures first: a narrow terminal cuts off the ends."""
    stats = progress.stats
    done_per_s = speed.of(stats.done)
    parts = [f"{stats.done:,} done"]
    if progress.fraction is not None:
        parts.append(f"{math.floor(progress.fraction * 100)}%")
    if (left_s := progress.left_s(done_per_s)) is not None:
        parts.append(f"about {duration(left_s)} left")
    parts += [f"{done_per_s:,.0f}/s", f"{progress.in_flight:,} in flight"]
    if progress.unwritten:
        parts.append(f"{progress.unwritten:,} waiting for output")
    errors = [f"errors: {counts(stats.errors)}"] if stats.errors else []
    return [", ".join(parts), *errors]


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class LineProgress:
    """A line every LINE_EVERY_S."""

    def __init__(self) -> None:
        self._speed = Speed()
        self._next_s = time.monotonic() + LINE_EVERY_S

    def show(self, progress: Progress) -> None:
        """Say it, if it is time to."""
        if time.monotonic() >= self._next_s:
            self._next_s += LINE_EVERY_S
            say(", ".join(progress_lines(progress, self._speed)))

    def __enter__(self) -> "LineProgress":
        return self

    def __exit__(self, *_: object) -> None:
        return


class TerminalProgress:
    """A line or two of a terminal that are always up to date."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._speed = Speed()
        self._next_s = 0.0
        self._live: Live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def show(self, progress: Progress) -> None:
        """Draw it, if it is time to."""
        from rich.text import Text

        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + VIEW_EVERY_S
            lines = "\n".join(progress_lines(progress, self._speed))
            self._live.update(Text(lines, overflow="ellipsis", no_wrap=True), refresh=True)

    def __enter__(self) -> "TerminalProgress":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def progress_view(*, quiet: bool, beside_records: bool = False) -> ProgressView:
    """Return the view for stderr; a live view and records on one terminal would spoil each other."""
    if quiet:
        return NoProgress()
    return TerminalProgress() if sys.stderr and sys.stderr.isatty() and not beside_records else LineProgress()
