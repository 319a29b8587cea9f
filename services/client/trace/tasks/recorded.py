"""A coroutine that notes when it runs, and what it then waits for.

A task runs its coroutine by `send()`, once for every time that the coroutine can go on; what `send()` returns is what
the coroutine now waits for. So a task that is recorded gets its coroutine in this wrapper. What is done here is done at
every await of a program: it is as little as can be, and all that can wait is left to `track`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from services.client.trace.model import Outcome
from services.client.trace.tasks.chains import awaited, qualified_name
from services.client.trace.tasks.track import Track, text_of

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

Result = TypeVar("Result")
AnyCoroutine = Coroutine[Any, Any, Result] | Generator[Any, Any, Result]
"""The types that asyncio makes tasks of; until Python 3.11 that is a generator, too."""


class Recorded(Coroutine[Any, Any, Result]):
    """A coroutine that notes when it runs. In every other way it is the coroutine that it wraps.

    `send` and `throw` are those of a generator, whose local names and these are all that is read at each await:
    `began_s`, when it began to run, by the clock; `raw`, the slices of its `track`, None where they are not kept.
    """

    __slots__ = ("__name__", "__qualname__", "_coroutine", "began_s", "raw", "send", "throw", "track")

    def __init__(self, coroutine: AnyCoroutine[Result], track: Track, recorder: "Recorder") -> None:
        self._coroutine = coroutine
        self.go_on_in(track, track.made_s)
        self.__qualname__ = qualified_name(coroutine)
        self.__name__ = self.__qualname__.rpartition(".")[2]
        resuming = resume_and_note(coroutine, self, recorder)
        next(resuming)
        self.send, self.throw = resuming.send, resuming.throw

    send: Callable[[Any], Any]
    throw: Callable[..., Any]

    def go_on_in(self, track: Track, at_s: float) -> None:
        """Note from now on, by the clock, into this track."""
        self.track, self.raw, self.began_s = track, track.raw if track.is_recorded else None, at_s

    def close(self) -> None:
        """End the coroutine where it waits."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Result]:
        coroutine = self._coroutine
        return coroutine if isinstance(coroutine, Generator) else coroutine.__await__()

    # asyncio and anyio read these to print a task or its stack, and to know its state.
    @property
    def cr_code(self) -> Any:
        """The coroutine's code."""
        return _of(self._coroutine, "code")

    @property
    def cr_frame(self) -> Any:
        """The coroutine's frame."""
        return _of(self._coroutine, "frame")

    @property
    def cr_running(self) -> Any:
        """Whether the coroutine is running."""
        return _of(self._coroutine, "running")

    @property
    def cr_suspended(self) -> Any:
        """Whether the coroutine waits."""
        return _of(self._coroutine, "suspended")

    @property
    def cr_origin(self) -> Any:
        """Where the coroutine was made, where Python notes that."""
        return getattr(self._coroutine, "cr_origin", None)

    @property
    def cr_await(self) -> Any:
        """The object that the coroutine waits for."""
        return awaited(self._coroutine)


def resume_and_note(
    coroutine: AnyCoroutine[Any], recorded: Recorded[Any], recorder: "Recorder"
) -> Generator[Any, Any, Any]:
    """Resume a coroutine whenever this generator is resumed, and note when it ran and what it then waits for.

    One function, without a call that it can do without: a program with ten thousand awaits a second runs it as often.
    """
    clock, held_s, kept, send = perf_counter, recorder.held_s, recorder.kept, coroutine.send
    first = kept.waits.first(coroutine)
    number, by_type = kept.waits.number if recorder.places else None, kept.waits.by_type
    resume: Callable[[Any], object] = send
    waited_for: object = None
    allowed = 0
    while True:
        try:
            given = yield waited_for
            resume = send
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            given, resume = error, coroutine.throw
            note_thrown(recorder, recorded.track, error)
        before = recorder.running  # an eager task runs inside the one that makes it
        recorder.running = recorded
        recorded.began_s = clock()
        try:
            waited_for = resume(given)
        except BaseException as error:
            recorder.running = before
            kept.slices_left += allowed
            note_end(recorder, recorded, error)
            if isinstance(error, StopIteration):
                return error.value
            raise
        end_s = clock()
        recorder.running = before
        raw, began_s = recorded.raw, recorded.began_s  # others, where the coroutine has gone on in another lane
        if raw is not None and recorder.is_on and (allowed or (allowed := kept.allow_slices())):
            allowed -= 1
            raw += (began_s, end_s, number(first, coroutine, waited_for) if number else by_type[type(waited_for)])
        elif raw is not None and recorder.is_on:
            kept.dropped_slices += 1
        if end_s - began_s > held_s:
            recorder.held(recorded, end_s)


def note_end(recorder: "Recorder", recorded: Recorded[Any], error: BaseException) -> None:
    """Note the last slice of a coroutine, and how it ended: by which error."""
    without_this_frame(error)
    if not recorder.is_on:
        return
    end_s, track = perf_counter(), recorded.track
    recorder.kept.keep_slice(track, recorded.began_s, end_s)
    if end_s - recorded.began_s > recorder.held_s:
        recorder.held(recorded, end_s)
    if isinstance(error, StopIteration):
        outcome = Outcome.RETURNED
    else:
        outcome = Outcome.CANCELLED if isinstance(error, asyncio.CancelledError) else Outcome.RAISED
    if outcome is Outcome.RAISED:
        track.error = text_of(error)
        recorder.mark_of(track, "error", track.error, at_s=end_s)
    track.ends(end_s, outcome)


def note_thrown(recorder: "Recorder", track: Track, error: BaseException) -> None:
    """Note that a coroutine is cancelled, if it is; it may go on all the same."""
    without_this_frame(error)
    if recorder.is_on and isinstance(error, asyncio.CancelledError):
        recorder.mark_of(track, "cancel", str(error))


def without_this_frame(error: BaseException) -> None:
    """Take the frame of `resume_and_note` out of an error's traceback."""
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next


def _of(coroutine: object, what: str) -> Any:
    """Return an attribute that a coroutine has as `cr_…`, and a generator as `gi_…`."""
    return getattr(coroutine, f"cr_{what}", None) or getattr(coroutine, f"gi_{what}", None)
