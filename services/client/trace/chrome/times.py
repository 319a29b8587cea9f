"""Times of a trace file: microseconds of the monotonic clock, in whole eighths.

A slice lies within another one only if its end, begin and length together, is not behind the other's. An eighth is
exact as a binary fraction, so that neither JSON nor a reader rounds: not the begin, not the length, not their sum. The
clock itself is no better than that.
"""

TICKS_IN_SECOND = 8_000_000
TICKS_IN_MICROSECOND = 8


def ticks(at_s: float) -> int:
    """Return a time in eighths of a microsecond."""
    return round(at_s * TICKS_IN_SECOND)


def microseconds(of: int) -> float:
    """Return ticks as a file has them."""
    return of / TICKS_IN_MICROSECOND


def seconds(us: float) -> float:
    """Return a time of a file in seconds."""
    return us / 1e6
