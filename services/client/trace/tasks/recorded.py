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

    `send` and `throw` are those of a generator, whose local names are all that is read at each await.
    """

    __slots__ = ("__name__", "__qualname__", "_coroutine", "send", "throw", "track")

    def __init__(self, coroutine: AnyCoroutine[Result], track: Track, recorder: "Recorder") -> None:
        self._coroutine, self.track = coroutine, track
        self.__qualname__ = qualified_name(coroutine)
        self.__name__ = self.__qualname__.rpartition(".")[2]
        resuming = resume_and_note(coroutine, self, recorder)
        next(resuming)
        self.send, self.throw = resuming.send, resuming.throw

    send: Callable[[Any], Any]
    throw: Callable[..., Any]

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
    number = kept.waits.reader(coroutine) if recorder.places else kept.waits.number_of_type
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
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this frame
            note_cancellation(recorder, recorded.track, error)
        if not recorder.is_on:
            try:
                waited_for = resume(given)
            except StopIteration as ended:
                return ended.value
            continue
        before = recorder.running  # an eager task runs inside the one that makes it
        recorder.running = recorded
        recorded.track.began_s = clock()
        try:
            waited_for = resume(given)
        except BaseException as error:
            recorder.running = before
            kept.slices_left += allowed
            note_end(recorder, recorded.track, error)
            if isinstance(error, StopIteration):
                return error.value
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this frame
            raise
        end_s = clock()
        recorder.running = before
        track = recorded.track  # another one, where the coroutine has gone on in another lane
        began_s = track.began_s
        if (allowed or (allowed := kept.allow_slices())) and track.is_recorded:
            allowed -= 1
            raw = track.raw  # `append` of a list takes no call
            raw.append(began_s)
            raw.append(end_s)
            raw.append(number(waited_for))
        else:
            kept.drop_slice(track)
        if end_s - began_s > held_s:
            recorder.held(track, end_s)


def note_end(recorder: "Recorder", track: Track, error: BaseException) -> None:
    """Note the last slice of a coroutine, and how it ended."""
    end_s = perf_counter()
    recorder.kept.keep_slice(track, end_s)
    if end_s - track.began_s > recorder.held_s:
        recorder.held(track, end_s)
    if isinstance(error, StopIteration):
        outcome = Outcome.RETURNED
    else:
        outcome = Outcome.CANCELLED if isinstance(error, asyncio.CancelledError) else Outcome.RAISED
    if outcome is Outcome.RAISED:
        track.error = text_of(error)
        recorder.mark_of(track, "error", track.error, at_s=end_s)
    track.ends(end_s, outcome)


def note_cancellation(recorder: "Recorder", track: Track, thrown: BaseException) -> None:
    """Note that a coroutine is cancelled; it may go on all the same."""
    if recorder.is_on and isinstance(thrown, asyncio.CancelledError):
        recorder.mark_of(track, "cancel", str(thrown))


def _of(coroutine: object, what: str) -> Any:
    """Return an attribute that a coroutine has as `cr_…`, and a generator as `gi_…`."""
    return getattr(coroutine, f"cr_{what}", None) or getattr(coroutine, f"gi_{what}", None)
