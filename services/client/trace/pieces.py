"""Pieces of work, of which one task may do several: each is a phase that says how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder


class Ended(NamedTuple):
    """How a piece of work ended: a text, as `200 OK`, and whether that was well."""

    note: str
    ok: bool


NOT_SAID = Ended("", ok=True)  # of a phase that is no such piece


class Piece:
    """A piece of work. `ended`: how it ended."""

    def __init__(self) -> None:
        self.ended = NOT_SAID


@contextmanager
def piece_of_work(recorder: "Recorder | None", name: str) -> Iterator[Piece]:
    """Record what is done inside as a phase, if there is a recorder; what this yields takes how it ended."""
    if recorder is None:
        yield Piece()
        return
    with recorder.phase(name) as piece:
        yield piece
