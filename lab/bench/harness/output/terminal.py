"""Shows a result in a terminal: a table a group, then how it was measured and what was left out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.bench.harness import machine
from lab.bench.harness.figures import Group, Result, Row, Table
from lab.bench.harness.output.texts import goal_line, noise, number, promise_line, text_of
from lab.console import draw_by

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

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


def table_of(group: Group, *, mark: str = "") -> "RichTable":
    """Return a group's table, in which this project's rows and missed goals stand out."""
    from rich.table import Table as RichTable
    from rich.text import Text

    better = {True: " (more is better)", False: " (less is better)", None: ""}[group.higher_is_better]
    title = f"{group.title}{better}{mark}"
    goals = [goal_line(group, goal, is_quotable=not mark) for goal in group.goals]
    table = RichTable(title=title, caption="\n".join(goals) or None, min_width=max(map(len, (title, *goals))) + 2)
    table.add_column("", overflow="fold")
    several = any(len(row.values) > 1 for row in group.rows)
    names = [f"median {group.unit}", "spread"] if several else [group.unit]
    for name in (*names, *([f"x {group.reference}"] if group.reference else [])):
        table.add_column(name, justify="right", overflow="fold")
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
        drawn.add_column(name, justify="right" if index else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(text_of(cell) for cell in row))
    return drawn


def ratio_cell(group: Group, row: Row) -> str:
    """Return a row's ratio as text."""
    ratio = group.ratio(row)
    return "-" if ratio is None else f"{ratio:.2f}"
