"""Moves the times of a trace, so that it begins at 0, or where another clock has it."""

from dataclasses import replace

from services.client.trace.model import Slice, Task, Trace


def from_zero(trace: Trace) -> Trace:
    """Return a trace whose first process begins at 0."""
    first_s = min((each.began_s for each in trace.processes), default=0.0)
    return shifted(trace, -first_s) if first_s else trace


def shifted(trace: Trace, by_s: float) -> Trace:
    """Return a trace in which all is later by so many seconds."""
    return Trace(
        tuple(replace(each, began_s=each.began_s + by_s) for each in trace.processes),
        tuple(shifted_task(each, by_s) for each in trace.tasks),
        tuple(each._replace(begin_s=each.begin_s + by_s, end_s=each.end_s + by_s) for each in trace.phases),
        tuple(replace(each, at_s=each.at_s + by_s) for each in trace.marks),
        tuple(replace(each, at_s=each.at_s + by_s) for each in trace.depths),
        tuple(replace(each, from_s=each.from_s + by_s, to_s=each.to_s + by_s) for each in trace.hand_offs),
        tuple(replace(each, at_s=each.at_s + by_s) for each in trace.lags),
        tuple(replace(each, begin_s=each.begin_s + by_s, end_s=each.end_s + by_s) for each in trace.blockings),
    )


def shifted_task(task: Task, by_s: float) -> Task:
    """Return a task that is later by so many seconds."""
    return replace(
        task,
        begin_s=task.begin_s + by_s,
        end_s=None if task.end_s is None else task.end_s + by_s,
        slices=tuple(
            Slice(each.begin_s + by_s, each.end_s + by_s, each.awaits, each.kind, each.place) for each in task.slices
        ),
    )
