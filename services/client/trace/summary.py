"""One line for a person about what was recorded: how much, what held the loop, what was left out, and at what cost."""

from collections.abc import Sequence

from services.client.trace.model import Blocking, Dropped
from services.client.trace.recorder import Recorder


def recorded_line(recorders: Sequence[Recorder], file: str) -> str:
    """Return the line about a recording that is in a file."""
    if not recorders:
        return f"no event loop ran, so {file} has nothing to show"
    processes = [each.process for each in recorders]
    tasks = sum(len(each.tracks) for each in recorders)
    slices = sum(len(track.raw) // 3 for each in recorders for track in each.tracks)
    loops = f" on {len(recorders)} loops" if len(recorders) > 1 else ""
    total_s = sum(each.total_s for each in processes)
    own_s = sum(each.overhead_s or 0.0 for each in processes)
    parts = [
        f"{counted(tasks, 'task')} in {counted(slices, 'slice')}{loops}: {file}",
        *held_parts([each for recorder in recorders for each in recorder.blockings]),
        *dropped_parts([each.dropped for each in processes]),
        f"recording took about {own_s * 1e3:.1f} ms, {own_s / total_s if total_s else 0:.1%} of the time",
    ]
    return "; ".join(parts)


def held_parts(blockings: Sequence[Blocking]) -> list[str]:
    """Return what is said of calls that held the loop: the longest."""
    if not blockings:
        return []
    longest = max(blockings, key=lambda each: each.end_s - each.begin_s)
    where = f" at {longest.place}" if longest.place else ""
    often = f"{len(blockings)} times" if len(blockings) > 1 else "once"
    return [f"calls held the loop {often}, for {(longest.end_s - longest.begin_s) * 1e3:.0f} ms at most{where}"]


def dropped_parts(dropped: Sequence[Dropped]) -> list[str]:
    """Return what is said of what was beyond the bounds."""
    names = ("tasks", "slices", "phases", "events")
    counts = {name: sum(getattr(each, name) for each in dropped) for name in names}
    lost = [f"{count:,} {name}" for name, count in counts.items() if count]
    return [f"not recorded, beyond its bounds: {', '.join(lost)}"] if lost else []


def counted(count: int, what: str) -> str:
    """Return a number of things."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
