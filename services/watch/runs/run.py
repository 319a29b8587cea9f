"""One run: what was asked for, how it stands, and the events of its trace, as the client wrote them.

Events are kept as lines of JSON, in the Chrome Trace Event format (see docs/tracing.md): a page gets them as they are,
and nothing here depends on what they mean.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from services.runtime.terminal import printable
from services.watch.runs.options import Value
from services.watch.settings import RunLimits


class State(Enum):
    """How a run stands. STOPPED: it was ended by a page, by the time limit or by the end of the server."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"


def now() -> str:
    """Return the time in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True, eq=False)
class Run:
    """A run. `said`: the last that the client printed for a person, on stderr; `note`: why it was stopped, or failed.

    `lines`: its events; `dropped`: how many there were beyond the limits; `ledger`: of a pipeline, None without one.
    """

    id: str
    program: str
    options: Mapping[str, Value]
    command: str
    began: str = field(default_factory=now)
    state: State = State.RUNNING
    exit_code: int | None = None
    ended: str | None = None
    said: str = ""
    note: str = ""
    ledger: Mapping[str, object] | None = None
    lines: list[bytes] = field(default_factory=list)
    trace_bytes: int = 0
    dropped: int = 0

    def add(self, lines: Sequence[bytes], limits: RunLimits) -> list[bytes]:
        """Keep the events among these lines, within the limits, and return them."""
        kept: list[bytes] = []
        for line in lines:
            event = event_in(line)
            if event is None:
                continue
            if len(self.lines) + len(kept) >= limits.events or self.trace_bytes + len(event) > limits.trace_bytes:
                self.dropped += 1
                continue
            kept.append(event)
            self.trace_bytes += len(event)
        self.lines += kept
        return kept

    def end(self, state: State, *, exit_code: int | None, said: str, note: str) -> None:
        """Note how it ended."""
        self.state, self.exit_code, self.said, self.note, self.ended = state, exit_code, said, note, now()

    def as_json(self) -> dict[str, object]:
        """Return the run as a page gets it, without its events."""
        return {
            "id": self.id,
            "program": self.program,
            "options": dict(self.options),
            "state": self.state.value,
            "exit_code": self.exit_code,
            "began": self.began,
            "ended": self.ended,
            "command": self.command,
            "events": len(self.lines),
            "dropped": self.dropped,
            "said": self.said,
            "note": self.note,
            "ledger": self.ledger,
        }


def event_in(line: bytes) -> bytes | None:
    """Return the event in a line of a trace; None for a line that has none: `[`, `]`, or one that is not whole."""
    text = line.strip().removesuffix(b",")
    if not text.startswith(b"{") or b"\r" in text:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return text


def text_of(raw: bytes) -> str:
    """Return what a program printed, with control characters escaped, line by line."""
    return "\n".join(map(printable, raw.decode("utf-8", "replace").splitlines()))
