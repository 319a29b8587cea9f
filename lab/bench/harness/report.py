"""Shows a result: a table a group, then how it was measured and what was left out. Also writes the JSON file."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lab.bench.errors import ReportUnwritable
from lab.bench.harness import machine, peers
from lab.bench.harness.figures import QUIET, Cell, Goal, Group, Json, Promise, Result, Row, Table, as_json
from lab.console import draw_by

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

SCHEMA = 1
PIPE_COLUMNS = 110
MARK = ": NOT TO BE QUOTED"


def draw(results: Sequence[Result]) -> None:
    """Print results on stdout, and then the machine on which they were measured."""
    for result in results:
        draw_result(result)
    draw_machine()


def draw_result(result: Result) -> None:
    """Print one result on stdout."""
    draw_by(lambda console: write_result(console, result), pipe_columns=PIPE_COLUMNS)


def draw_machine() -> None:
    """Print on stdout on which machine it was measured."""
    draw_by(lambda console: console.print(machine.sentence(), style="dim", markup=False), pipe_columns=PIPE_COLUMNS)


def write_result(console: "Console", result: Result) -> None:
    """Print one result on a console: its tables, what held, how it was measured, and what was left out."""
    mark = "" if result.is_quotable else MARK
    for group in result.groups:
        console.print(table_of(group, mark=mark))
    for table in result.tables:
        console.print(drawn(table, mark=mark))
    for promise in result.promises:
        style = "green" if promise.kept else "bold red"
        console.print(promise_line(promise, is_quotable=result.is_quotable), style=style, markup=False, soft_wrap=True)
    for line in result.method:
        console.print(f"  {line}", style="dim", markup=False)
    if not result.is_quotable:
        console.print(f"! {noise(result)}", style="bold yellow", markup=False)
    for note in result.notes:
        console.print(f"! {note}", style="yellow", markup=False)
    if result.took_s:
        console.print(f"  {result.bench} took {result.took_s:,.0f} s", style="dim", markup=False)
    console.print()


def noise(result: Result) -> str:
    """Return how much of the machine others used, and what that means for the figures."""
    return (
        f"not to be quoted: others used {result.others or 0:.0%} of this machine meanwhile, where {QUIET:.0%} is "
        "the most; rates are low and apart, processor times hold"
    )


def table_of(group: Group, *, mark: str = "") -> "RichTable":
    """Return a group's table, in which this project's rows and missed goals stand out."""
    from rich.table import Table as RichTable
    from rich.text import Text

    better = {True: " (more is better)", False: " (less is better)", None: ""}[group.higher_is_better]
    title = f"{group.title}{better}{mark}"
    goals = [goal_line(group, goal, is_quotable=not mark) for goal in group.goals]
    table = RichTable(title=title, caption="\n".join(goals) or None, min_width=max(map(len, (title, *goals))) + 2)
    table.add_column("")
    several = any(len(row.values) > 1 for row in group.rows)
    names = [f"median {group.unit}", "spread"] if several else [group.unit]
    for name in (*names, *([f"x {group.reference}"] if group.reference else [])):
        table.add_column(name, justify="right")
    for row in group.rows:
        style = "bold" if row.ours else ""
        cells = [row.subject, number(row.median)]
        cells += [f"±{row.spread / 2:.0%}"] if several else []
        cells += [ratio_cell(group, row)] if group.reference else []
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def drawn(table: Table, *, mark: str = "") -> "RichTable":
    """Return a table of figures as it is drawn."""
    from rich.table import Table as RichTable

    title = f"{table.title}{mark}"
    drawn = RichTable(title=title, min_width=len(title) + 2)
    for index, name in enumerate(table.columns):
        drawn.add_column(name, justify="right" if index else "left")
    for row in table.rows:
        drawn.add_row(*(text_of(cell) for cell in row))
    return drawn


def text_of(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell if isinstance(cell, str) else number(cell)


def promise_line(promise: Promise, *, is_quotable: bool = True) -> str:
    """Return whether a promise was kept, in words; figures that are not to be quoted judge no goal."""
    if promise.is_goal and not is_quotable:
        return f"not judged, others used the machine, too: {promise.text}: {promise.found}"
    held = f"; held by {promise.held_by}" if promise.held_by and not promise.kept else ""
    if promise.is_goal:
        return f"goal: {promise.text}: {'reached' if promise.kept else 'NOT REACHED'}, {promise.found}{held}"
    return f"{'achieved' if promise.kept else 'NOT'}: {promise.text}: {promise.found}"


def ratio_cell(group: Group, row: Row) -> str:
    """Return a row's ratio as text."""
    ratio = group.ratio(row)
    return "-" if ratio is None else f"{ratio:.2f}"


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
    return f"{aim}: NOT REACHED, {achieved:.2f}{why_not(group, goal)}"


def why_not(group: Group, goal: Goal) -> str:
    """Return what holds a goal that is not reached, and the ceiling that was measured, as far as they are known."""
    ceiling = group.ceiling(goal)
    held = f"; held by {goal.held_by}" if goal.held_by else ""
    return held if ceiling is None else f"{held}; the ceiling, {goal.ceiling}: {ceiling:.2f}"


def number(value: float) -> str:
    """Return a figure with a fitting number of digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:.3g}"


def write_json(file: Path, results: Sequence[Result]) -> None:
    """Write results with every single value. Raises ReportUnwritable."""
    document: Json = {
        "v": SCHEMA,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine.facts(),
        "peers": {peer.name: peer.version() for peer in peers.ALL},
        "results": [as_json(result) for result in results],
    }
    write(file, json.dumps(document, indent=2) + "\n")


def write(file: Path, text: str) -> None:
    """Write a file of figures. Raises ReportUnwritable."""
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ReportUnwritable(file, error.strerror or str(error)) from error
