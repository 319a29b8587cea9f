"""How far apart the ticks of a time axis are: of one in a terminal, and of one in a report."""

import itertools

STEPS = (1, 2, 5)
LEAST = -9  # the exponent of the least power of ten


def tick_step(until: float, *, most: int) -> float:
    """Return the least step of 1, 2 or 5 times a power of ten that makes no more than so many steps.

    Arguments:
        until: the end of the axis, which begins at 0; in any unit, and so is the step.
        most: how many steps there may be.
    """
    steps = (step * 10.0**exponent for exponent in itertools.count(LEAST) for step in STEPS)
    return next(step for step in steps if until / step <= most)
