"""`lab bench --write`: docs/benchmarks.md, a section a bench, each with its date, its machine and its exact method.

A run replaces the sections of the benches that it measured. What stands between the markers of KEPT is written by hand
and stays as it is. Figures that are not to be quoted are not written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab.bench.harness import machine
from lab.bench.harness.figures import Cell, Group, Result
from lab.bench.harness.output.files import write
from lab.bench.harness.output.texts import goal_line, number, promise_line, text_of

KEPT, GOALS, MISSED = "what was tried", "goals", "NOT REACHED"
HEAD = """\
# Benchmarks

`lab bench --write` writes this page, but for its last section. Figures are ratios, measured in turns on one machine:
those of other machines, or of other hours, do not compare. A number of another page is quoted from here and names its
cell: the command brings those pages up to date, and a test holds them.
"""
TRIED = "## What was tried\n\nNothing is written down yet.\n"


def write_document(file: Path, results: Sequence[Result]) -> None:
    """Write the page anew with these results. Raises ReportUnwritable."""
    before = file.read_text("utf-8") if file.exists() else ""
    write(file, document(before, results))


def document(before: str, results: Sequence[Result]) -> str:
    """Return the page: the sections that it had, those of `results` in place of older ones, and what is kept."""
    old = dict(re.findall(r"<!-- begin: (.+?) -->\n(.*?)<!-- end -->", before, re.DOTALL))
    tried = old.pop(KEPT, TRIED)
    old.pop(GOALS, None)
    sections = old | dict(sections_of(results))
    parts = {GOALS: goals_of(sections), **sections, KEPT: tried}
    return "\n".join([HEAD, *(block(name, part) for name, part in parts.items() if part)])


def sections_of(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Yield the section of each bench that may be quoted; results of one bench are in one section."""
    for name in dict.fromkeys(result.bench for result in results):
        of_name = [each for each in results if each.bench == name and each.is_quotable and not each.failed]
        if of_name:
            yield name, "\n".join(map(section, of_name))


def goals_of(sections: Mapping[str, str]) -> str:
    """Return the section that says of all goals, in whichever section, which are reached; nothing without goals."""
    goals = {name: re.findall(r"^- goal: (.*)$", part, re.MULTILINE) for name, part in sections.items()}
    every = [goal for of_name in goals.values() for goal in of_name]
    if not every:
        return ""
    missed = [(name, goal) for name, of_name in goals.items() for goal in of_name if MISSED in goal]
    count = f"{len(every) - len(missed)} of {len(every)} goals are reached. "
    rest = "Those that are not, and what holds them:" if missed else ""
    lines = [f"- {name}: {goal}" for name, goal in missed]
    return "\n".join(["## Goals", "", (count + rest).strip(), *([""] if lines else []), *lines]) + "\n"


def block(name: str, part: str) -> str:
    """Return a section between its markers."""
    return f"<!-- begin: {name} -->\n{part}<!-- end -->\n"


def section(result: Result) -> str:
    """Return the section of one bench."""
    others = f"; others used {result.others:.0%} of it" if result.others is not None else ""
    took = f", in {result.took_s:,.0f} s" if result.took_s else ""
    measured = f"{datetime.now(UTC):%Y-%m-%d}{took}, {machine.sentence()}{others}."
    lines = [f"## {result.bench}", "", measured, ""]
    for group in result.groups:
        lines += group_lines(group)
    for table in result.tables:
        lines += [f"### {table.title}", "", *table_lines(table.columns, table.rows), ""]
    lines += [f"- {promise_line(promise)}" for promise in result.promises]
    lines += [f"- {line}" for line in (*result.method, *result.notes)]
    return "\n".join(lines) + "\n"


def group_lines(group: Group) -> list[str]:
    """Return a group as a table, and its goals."""
    columns = ("", f"median {group.unit}", "spread", *((f"x {group.reference}",) if group.reference else ()))
    return [
        f"### {group.title}",
        "",
        *table_lines(columns, [*group_rows(group)]),
        "",
        *(f"- {goal_line(group, goal)}" for goal in group.goals),
        *([""] if group.goals else []),
    ]


def group_rows(group: Group) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row."""
    for row in group.rows:
        ratio = group.ratio(row)
        ratios = ("-" if ratio is None else f"{ratio:.2f}",) if group.reference else ()
        yield (row.subject, number(row.median), f"±{row.spread / 2:.0%}", *ratios)


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return a table in Markdown."""
    return [
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *(f"| {' | '.join(map(text_of, row))} |" for row in rows),
    ]
