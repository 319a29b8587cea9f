"""The numbers of a panel, which stand in the picture and in its table, and how they are written."""

from dataclasses import dataclass

from services.client.report.panels import Panel

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Numbers:
    """The sums of a panel; lanes of tasks of the libraries below are in none of them.

    Arguments:
        wall_s: how long all of it took.
        work_s, wait_s: how long its lanes ran and waited, all together; without waits for other lanes.
        lanes, failed: how many lanes there are, and how many of them ended badly.
        most: how many lanes there were at one time, at most.
    """

    wall_s: float
    work_s: float
    wait_s: float
    lanes: int
    failed: int
    most: int

    @property
    def overlap(self) -> float:
        """How many times as long it would have taken one after another: work and waits, by the wall time."""
        return (self.work_s + self.wait_s) / self.wall_s if self.wall_s > 0 else 0.0


def numbers_of(panel: Panel) -> Numbers:
    """Return the numbers of a panel."""
    lanes = panel.work
    changes = sorted([(lane.span.begin_s, 1) for lane in lanes] + [(lane.span.end_s, -1) for lane in lanes])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return Numbers(
        wall_s=panel.total_s,
        work_s=sum(lane.run_s for lane in lanes),
        wait_s=sum(lane.wait_s for lane in lanes),
        lanes=len(lanes),
        failed=sum(not lane.ok for lane in lanes),
        most=most,
    )


def duration(seconds: float) -> str:
    """Return a time as people write it, in three digits: `1.03 s`, `12.4 ms`, `120 µs`."""
    if not seconds:
        return "0 s"
    size, unit = next((each for each in UNITS if abs(seconds) >= each[0] * 0.9995), UNITS[-1])
    value = seconds / size
    decimals = max(0, DIGITS - len(str(int(abs(value) + 0.0005))))
    return f"{value:,.{decimals}f} {unit}"


def times(factor: float) -> str:
    """Return how many times: `2.9 ×`."""
    return f"{factor:,.1f} ×" if factor < 99.95 else f"{factor:,.0f} ×"
