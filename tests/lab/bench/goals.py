"""The rule of every bench: a goal that it may print as NOT REACHED has a ceiling that the same run measured.

`Goal` itself refuses to be without the name of one; here, the name has to be that of a row.
"""

from lab.bench.harness.figures import Result


def every_ceiling_is_measured(result: Result) -> bool:
    """Whether every goal of a run with all its contestants names the row of its ceiling; assert which does not."""
    for group in result.groups:
        for goal in group.goals:
            if group.achieved(goal) is not None:
                assert group.ceiling(goal) is not None, f"{group.title}: {goal.of}: no row {goal.ceiling}"
    return True
