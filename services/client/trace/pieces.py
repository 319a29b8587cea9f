"""Pieces of work, of which one task may do several: each is a phase that says how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder


@dataclass(slots=True)
class PhaseEnd:
    """How a piece of work ended: a text, empty where the phase is no such piece, and whether that was well."""

    note: str = ""
    ok: bool = True


@contextmanager
def piece_of_work(recorder: "Recorder | None", name: str) -> Iterator[PhaseEnd]:
    """Record what is done inside as a phase, if there is a recorder; what this yields takes how it ended."""
    if recorder is None:
        yield PhaseEnd()
        return
    with recorder.phase(name) as end:
        yield end
