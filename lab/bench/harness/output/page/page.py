"""The page of figures: one HTML file in the report's style, which it takes from the report; no script, no address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.bench.harness import machine
from lab.bench.harness.figures import Result
from lab.bench.harness.output.files import write
from lab.bench.harness.output.page import plots
from lab.bench.harness.output.page.bars import Bars, bars_of
from lab.bench.harness.output.page.plots import Plots, plots_of
from lab.bench.harness.output.texts import noise, promise_line, text_of
from services.client.report.page import TEMPLATES

PAGE = "bench.html.j2"


@dataclass(frozen=True, slots=True)
class Texts:
    """A table as the template gets it: every cell is text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class View:
    """A result as the template gets it."""

    name: str
    marked: str
    bars: tuple[Bars, ...]
    plots: tuple[Plots, ...]
    tables: tuple[Texts, ...]
    promises: tuple[str, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...]


def write_page(file: Path, results: Sequence[Result]) -> None:
    """Write the page. Raises ReportUnwritable."""
    write(file, html_of(results))


def html_of(results: Sequence[Result]) -> str:
    """Return the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([Path(__file__).parent, TEMPLATES])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(PAGE).render(
        results=[view_of(result) for result in results],
        machine=machine.sentence(),
        begun=datetime.now(UTC).strftime("%Y-%m-%d"),
        width=plots.WIDTH,
        height=plots.HEIGHT,
        left=plots.LEFT,
        right=plots.RIGHT,
        top=plots.TOP,
        bottom=plots.BOTTOM,
    )


def view_of(result: Result) -> View:
    """Return a result as the template gets it."""
    return View(
        result.bench,
        "" if result.is_quotable else noise(result),
        tuple(bars_of(group, is_quotable=result.is_quotable) for group in result.groups),
        tuple(map(plots_of, result.curves)),
        tuple(
            Texts(table.title, table.columns, tuple(tuple(map(text_of, row)) for row in table.rows))
            for table in result.tables
        ),
        tuple(promise_line(promise, is_quotable=result.is_quotable) for promise in result.promises),
        result.method,
        result.notes,
    )
