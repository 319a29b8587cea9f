"""Figures, goals and promises in words, the same wherever they are shown: terminal, Markdown, picture and page."""

from lab.bench.harness.figures import QUIET, Cell, Goal, Group, Promise, Result


def noise(result: Result) -> str:
    """Return how much of the machine others used, and what that means for the figures."""
    return (
        f"not to be quoted: others used {result.others or 0:.0%} of this machine meanwhile, where {QUIET:.0%} is "
        "the most; rates are low and apart, processor times hold"
    )


def promise_line(promise: Promise, *, is_quotable: bool = True) -> str:
    """Return whether a promise was kept, in words; figures that are not to be quoted judge no goal."""
    if promise.is_goal and not is_quotable:
        return f"not judged, others used the machine, too: {promise.text}: {promise.found}"
    if promise.is_goal and promise.kept:
        return f"goal: {promise.text}: reached, {promise.found}"
    if promise.is_goal:
        why = f"held by {promise.held_by}; the ceiling, {promise.ceiling}"
        return f"goal: {promise.text}: NOT REACHED, {promise.found}; {why}"
    return f"{'achieved' if promise.kept else 'NOT'}: {promise.text}: {promise.found}"


def goal_line(group: Group, goal: Goal, *, is_quotable: bool = True) -> str:
    """Return whether a goal is reached, in words; figures that are not to be quoted reach none and miss none."""
    achieved = group.achieved(goal)
    most = "most " if group.higher_is_better is False else ""
    aim = f"goal: {goal.of} at {most}{goal.ratio:g} x {goal.against}"
    if achieved is None:
        return f"{aim}: not known: nothing to compare with"
    if not is_quotable:
        return f"{aim}: not judged: others used the machine, too"
    if group.is_reached(goal):
        return f"{aim}: reached, {achieved:.2f}"
    return f"{aim}: NOT REACHED, {unlike(achieved, goal.ratio)}{why_not(group, goal)}"


def unlike(achieved: float, bound: float) -> str:
    """Return a ratio with two decimals, or with so many more that it does not look like the bound that it misses."""
    texts = (f"{achieved:.{decimals}f}" for decimals in (2, 3, 4))
    return next((text for text in texts if float(text) != bound), f"{achieved:g}")


def why_not(group: Group, goal: Goal) -> str:
    """Return what holds a goal that is not reached, and the ceiling, if its program could run here."""
    ceiling = group.ceiling(goal)
    known = "not measured here" if ceiling is None else f"{ceiling:.2f}"
    return f"; held by {goal.held_by}; the ceiling, {goal.ceiling}: {known}"


def text_of(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell if isinstance(cell, str) else number(cell)


def number(value: float) -> str:
    """Return a figure with a fitting number of digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:.3g}"
