"""The two runs of a comparison: one lesson does the work one after another, another does it at once."""

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

from services.client.trace.model import Trace, as_json
from services.client.trace.pieces import Ended, piece_of_work
from services.client.trace.recorder import Recorder
from services.client.trace.recording import Recording
from services.client.wget import await_, sequential
from services.client.wget.edition import FetchAll

VERSION = 1
LESSONS = (("sequential", "one after another", sequential.fetch_all), ("await", "at once", await_.fetch_all))

DoPiece = Callable[[str, Recorder], Awaitable[Ended]]
"""Does the piece of work of that name, and returns how it ended; it may add phases to the recorder."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: the lesson's name, what was recorded, and of each piece of work, whether it succeeded.

    In the trace, each piece of work is a phase of its name.
    """

    lesson: str
    trace: Trace
    done: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same work done by two lessons."""

    what: str
    sequential: Run
    at_once: Run

    @property
    def ratio(self) -> float:
        """How many times as fast it was at once."""
        return self.sequential.trace.total_s / max(self.at_once.trace.total_s, 1e-9)

    @property
    def answers(self) -> list[bool]:
        """Of each piece of work, in both runs, whether it succeeded."""
        return [*self.sequential.done.values(), *self.at_once.done.values()]


async def compared(
    what: str, do_piece: DoPiece, names: Sequence[str], *, recording: Recording | None = None
) -> Comparison:
    """Do the pieces of work of these names by each lesson. What they print is not shown: here only the time counts.

    `recording`: where the two are recorded, if they are to be kept.
    """
    recording = recording or Recording("compare")
    runs = []
    with without_output():
        for lesson, mode, fetch_all in LESSONS:
            recorder = recording.new(mode=mode, title=mode.capitalize())
            runs.append(await run(lesson, fetch_all, do_piece, names=names, recorder=recorder))
    sequential_run, at_once_run = runs
    return Comparison(what, sequential_run, at_once_run)


async def run(lesson: str, fetch_all: FetchAll, do_piece: DoPiece, *, names: Sequence[str], recorder: Recorder) -> Run:
    """Do the pieces of work by one lesson, and record it."""
    done = dict.fromkeys(names, False)

    async def piece(name: str) -> None:
        with piece_of_work(recorder, name) as each:
            each.ended = await do_piece(name, recorder)
            done[name] = each.ended.ok

    async def whole() -> None:
        await fetch_all(piece, names)

    await recorder.record(whole(), name=lesson)
    return Run(lesson, recorder.trace(), done)


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as `--format json` prints it; docs/lessons.md describes it."""
    return {
        "v": VERSION,
        "what": comparison.what,
        "loop": comparison.sequential.trace.loop,
        "ratio": round(comparison.ratio, 3),
        "runs": [run_json(each) for each in (comparison.sequential, comparison.at_once)],
    }


def run_json(each: Run) -> dict[str, object]:
    return {"lesson": each.lesson, "done": each.done, "recording": as_json(each.trace)}


class DiscardedOutput(io.TextIOBase):
    """A stream that discards what is written to it."""

    def write(self, text: str) -> int:
        """Discard the text."""
        return len(text)


@contextmanager
def without_output() -> Iterator[None]:
    """Show nothing on stdout while inside."""
    with redirect_stdout(DiscardedOutput()):
        yield
