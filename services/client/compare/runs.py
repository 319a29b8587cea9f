"""The two runs of a comparison: one lesson does the work one after another, another does it at once."""

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

from services.client.trace.model import Recording, as_json
from services.client.trace.recorder import Recorder
from services.client.wget import await_, sequential
from services.client.wget.tutorial import FetchAll

VERSION = 1
LESSONS = (("sequential", sequential.fetch_all), ("await", await_.fetch_all))

Work = Callable[[str, Recorder], Awaitable[bool]]
"""Does the work of that name and returns whether it was done; the recorder is for phases of its own."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: the lesson's name, what was recorded, and whether each piece of work was done.

    In the recording, each piece of work is a phase of its name.
    """

    lesson: str
    recording: Recording
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
        return self.sequential.recording.total_s / max(self.at_once.recording.total_s, 1e-9)

    @property
    def answers(self) -> list[bool]:
        """Whether each piece of work was done, in both runs."""
        return [*self.sequential.done.values(), *self.at_once.done.values()]


async def compared(what: str, work: Work, names: Sequence[str]) -> Comparison:
    """Do the work of these names by each lesson. Nothing that it prints is shown: here only its time counts."""
    with without_output():
        sequential_run, at_once_run = [await run(lesson, fetch_all, work, names) for lesson, fetch_all in LESSONS]
    return Comparison(what, sequential_run, at_once_run)


async def run(lesson: str, fetch_all: FetchAll, work: Work, names: Sequence[str]) -> Run:
    """Record one lesson at its work."""
    recorder = Recorder()
    done = dict.fromkeys(names, False)

    async def piece(name: str) -> None:
        with recorder.phase(name):
            done[name] = await work(name, recorder)

    async def whole() -> None:
        await fetch_all(piece, names)

    await recorder.record(whole(), name=lesson)
    return Run(lesson, recorder.recording(), done)


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as `--format json` prints it; docs/lessons.md describes it."""
    return {
        "v": VERSION,
        "what": comparison.what,
        "loop": comparison.sequential.recording.loop,
        "ratio": round(comparison.ratio, 3),
        "runs": [run_json(each) for each in (comparison.sequential, comparison.at_once)],
    }


def run_json(each: Run) -> dict[str, object]:
    """Return a run: its lesson, what was done and what not, and the recording."""
    return {"lesson": each.lesson, "done": each.done, "recording": as_json(each.recording)}


class Nowhere(io.TextIOBase):
    """A stream that forgets what is written to it."""

    def write(self, text: str) -> int:
        """Take a text, and forget it."""
        return len(text)


@contextmanager
def without_output() -> Iterator[None]:
    """Show nothing on stdout while inside."""
    with redirect_stdout(Nowhere()):
        yield
