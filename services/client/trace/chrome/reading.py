"""Reads a trace file back into a Trace.

A file that was cut off is a trace up to there: a run that was killed, a disk that was full. Any other file is refused
in one line, soon, and without being held in memory: what is read is bounded, as the file may be of any origin.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from services.client.trace.chrome.events import Event
from services.client.trace.chrome.from_events import TraceBuilder
from services.client.trace.chrome.members import NotAnEvent
from services.client.trace.model import Trace
from services.runtime.errors import InputUnreadable, ProgramError
from services.runtime.terminal import printable

MAX_LINE_BYTES = 16 * 1024  # an event has five texts of 200 characters at most
MAX_EVENTS = 2_000_000
GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1


class NotATrace(ProgramError):
    """A file is no trace that this program can read."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{printable(name[:200])} is no trace of this program: {printable(reason)}; --trace FILE makes one"
        )
        self.name, self.reason = name, reason


def read_trace(path: Path) -> Trace:
    """Return the trace that a file has. Raises InputUnreadable, NotATrace."""
    try:
        with path.open("rb") as file:
            return parse_trace(file, str(path))
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise InputUnreadable(str(path), getattr(error, "strerror", None) or str(error)) from error


def parse_trace(file: BinaryIO, name: str) -> Trace:
    """Return the trace in an open file of this name. Raises NotATrace, OSError."""
    builder = TraceBuilder()
    try:
        for number, event in events_in(file):
            try:
                builder.add(event)
            except NotAnEvent as error:
                raise NotAnEvent(f"line {number}: {error}") from error
        if builder.is_empty:
            raise NotAnEvent("it describes no process")
    except NotAnEvent as error:
        raise NotATrace(name, str(error)) from error
    return builder.trace()


def events_in(file: BinaryIO) -> Iterator[tuple[int, Event]]:
    """Yield the events of a file, with the numbers of their lines. Raises NotAnEvent, OSError."""
    if (first := file.readline(MAX_LINE_BYTES)).rstrip(b"\r\n") != b"[":
        if first.startswith(GZIP):
            raise NotAnEvent("it is compressed (gzip -d makes a trace of it)")
        raise NotAnEvent("it does not begin with a line of `[`" if first else "it is empty")
    for number in range(2, MAX_EVENTS + 2):
        line = file.readline(MAX_LINE_BYTES)
        if not line or line.strip() == b"]":
            return
        is_whole = line.endswith(b"\n")
        if not is_whole and len(line) == MAX_LINE_BYTES:
            raise NotAnEvent(f"line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        event = decoded(line)
        if event is None:
            if is_whole:
                raise NotAnEvent(f"line {number} is no event")
            return  # it was cut off here
        yield number, event
    raise NotAnEvent(f"it has more than {MAX_EVENTS:,} events")


def decoded(line: bytes) -> Event | None:
    """Return the event in a line, None where there is none."""
    try:
        found = json.loads(line.strip().removesuffix(b","))
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return found if isinstance(found, dict) else None
