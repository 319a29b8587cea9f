"""How far apart the ticks of a time axis are: of one in a terminal, and of one in a report."""

STEPS = (1, 2, 5)
LEAST = 1e-9  # what any step is a multiple of


def tick_step(until: float, *, most: int) -> float:
    """Return the least step of 1, 2 or 5 times a power of ten that makes no more than so many steps.

    Arguments:
        until: the end of the axis, which begins at 0; in any unit, and so is the step.
        most: how many steps there may be.
    """
    power = LEAST
    while True:
        for step in STEPS:
            if until / (step * power) <= most:
                return step * power
        power *= 10
