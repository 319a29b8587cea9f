"""Several traces on one time axis: of containers, of runs one after another, of machines.

The programs of one machine have one monotonic clock, whichever container they are in; its boot id tells. So their
traces merge exactly. Between machines, and across a restart, only the time of day is common: each trace says by how
much its readings of both clocks may be apart, and by how much the machines' times of day differ no trace can know.

A trace of another machine gets its clock translated: so the times of any trace are those of the clock of its first
process, and `Clock.error_s` of each process says how far its times may be off.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.client.trace.chrome.shifting import from_zero, shifted
from services.client.trace.model import Clock, HandOff, Process, Trace


@dataclass(frozen=True, slots=True)
class Merged:
    """Traces on one axis. `error_s`: how far times of different traces may be apart; 0: they have one clock.

    `by_time_of_day`: whether some have another monotonic clock; then the difference of their clocks' times of day comes
    to the error, which is not known.
    """

    trace: Trace
    error_s: float
    by_time_of_day: bool

    @property
    def basis(self) -> str:
        """On what the times are merged, and the error, for a person."""
        if not self.by_time_of_day:
            return "one clock: the monotonic clock of one machine"
        return (
            f"by the time of day, which was read to {self.error_s * 1e3:.3f} ms; how far the times of day of the "
            "machines are apart comes to that"
        )


def merged(traces: Sequence[Trace]) -> Merged:
    """Return traces of one process each, or of several, as one. Of two processes with one id, one gets a free one."""
    traces = [each for each in traces if each.processes]
    if not traces:
        return Merged(Trace(()), 0.0, by_time_of_day=False)
    base, error_s, by_time_of_day = traces[0].processes[0], 0.0, False
    found: list[Trace] = []
    ids = ProcessIds({process.id for trace in traces for process in trace.processes})
    for trace in traces:
        clock = trace.processes[0].clock
        if not is_same_clock(clock, base.clock):
            error_s = max(error_s, clock.error_s + base.clock.error_s)
            by_time_of_day = True
        found.append(renumbered(on_axis_of(trace, base), ids))
    return Merged(from_zero(joined(found)), error_s, by_time_of_day)


def on_axis_of(trace: Trace, base: Process) -> Trace:
    """Return a trace on the time axis of a process, and on its clock."""
    own = trace.processes[0]
    if is_same_clock(own.clock, base.clock):
        return shifted(trace, (own.clock.monotonic_s - own.began_s) - (base.clock.monotonic_s - base.began_s))
    later_s = (own.clock.unix_s - own.began_s) - (base.clock.unix_s - base.began_s)
    processes = tuple(translated(each, base.clock) for each in trace.processes)
    return shifted(replace(trace, processes=processes), later_s)


def is_same_clock(one: Clock, other: Clock) -> bool:
    """Return whether two readings are of one monotonic clock."""
    return bool(one.boot) and one.boot == other.boot


def translated(process: Process, base: Clock) -> Process:
    """Return a process as if its clock had been the other one, by the time of day."""
    clock = process.clock
    monotonic_s = base.monotonic_s + clock.unix_s - base.unix_s
    return replace(process, clock=Clock(base.boot, monotonic_s, clock.unix_s, clock.error_s + base.error_s))


def joined(traces: Sequence[Trace]) -> Trace:
    """Return traces of one time axis as one, with the processes of the first at first."""
    return Trace(
        processes=tuple(each for trace in traces for each in trace.processes),
        tasks=tuple(each for trace in traces for each in trace.tasks),
        phases=tuple(each for trace in traces for each in trace.phases),
        marks=tuple(each for trace in traces for each in trace.marks),
        depths=tuple(each for trace in traces for each in trace.depths),
        hand_offs=tuple(each for trace in traces for each in trace.hand_offs),
        lags=tuple(each for trace in traces for each in trace.lags),
        blockings=tuple(each for trace in traces for each in trace.blockings),
    )


class ProcessIds:
    """The ids of processes that are merged: the first process of an id keeps it. `used`: the ids of all traces."""

    def __init__(self, used: set[int]) -> None:
        self._taken = set[int]()
        self._free = (number for number in itertools.count(1) if number not in used)

    def take(self, number: int) -> int:
        """Return an id that no process before has: this one, or else the least that no trace has."""
        if number in self._taken:
            return next(self._free)
        self._taken.add(number)
        return number


def renumbered(trace: Trace, taken: ProcessIds) -> Trace:
    """Return a trace whose processes have ids that no trace before it has."""
    ids = {process.id: taken.take(process.id) for process in trace.processes}
    if all(old == new for old, new in ids.items()):
        return trace
    return Trace(
        processes=tuple(replace(each, id=ids[each.id]) for each in trace.processes),
        tasks=tuple(replace(each, process=ids[each.process]) for each in trace.tasks),
        phases=tuple(each._replace(process=ids[each.process]) for each in trace.phases),
        marks=tuple(replace(each, process=ids[each.process]) for each in trace.marks),
        depths=tuple(replace(each, process=ids[each.process]) for each in trace.depths),
        hand_offs=tuple(renumbered_hand_off(each, ids) for each in trace.hand_offs),
        lags=tuple(replace(each, process=ids[each.process]) for each in trace.lags),
        blockings=tuple(replace(each, process=ids[each.process]) for each in trace.blockings),
    )


def renumbered_hand_off(hand_off: HandOff, ids: dict[int, int]) -> HandOff:
    """Return a hand-off between processes that have other ids; one that is of another trace keeps its own."""
    from_process, to_process = (ids.get(each, each) for each in (hand_off.from_process, hand_off.to_process))
    return replace(hand_off, from_process=from_process, to_process=to_process)
