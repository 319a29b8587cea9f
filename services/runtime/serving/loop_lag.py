"""How late a loop is: by how much longer its sweep slept than it was to, the longest of the last few seconds.

A loop that is busy, or that a call blocks, wakes its tasks late. Every serving program has a sweep four times a second
anyway (`deadlines`); so this costs no timer of its own. It needs no package, for the gateway has none.
"""

from collections import deque

KEPT = 20  # five seconds


class LoopLag:
    """The lateness of the last sweeps, in seconds."""

    __slots__ = ("_late_s",)

    def __init__(self) -> None:
        self._late_s: deque[float] = deque([0.0], maxlen=KEPT)

    def note(self, late_s: float) -> None:
        """Note by how much longer a sweep slept than it was to."""
        self._late_s.append(max(0.0, late_s))

    @property
    def longest_s(self) -> float:
        """The longest lateness of the last few seconds."""
        return max(self._late_s)


def process_lines(lag: LoopLag, *, memory_bytes: int) -> str:
    """Return what /metrics says of a process, in the text format of Prometheus."""
    figures = (
        ("process_loop_lag_seconds", "How late the event loop was, at most, in the last five seconds", lag.longest_s),
        ("process_memory_bytes", "What the process holds in memory", memory_bytes),
    )
    return "".join(f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value}\n" for name, text, value in figures)
