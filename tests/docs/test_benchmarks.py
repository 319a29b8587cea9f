"""Every measured number of a page is one of docs/benchmarks.md, and names its cell there.

How a page quotes is in lab/bench/harness/output/quotations.py. A number with a unit of speed or memory that is no
measurement (a bound, a default, an example's arithmetic) is in NOT_MEASURED, by its page.
"""

import re
from pathlib import Path

import pytest

from lab.bench.harness.output.quotations import NOT_YET, NUMBER, TABLE, requoted, tables_of, unknown

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {BENCHMARKS})]
CODE = re.compile(r"^```.*?^```$|^ {4}[^\n]*$", re.MULTILINE | re.DOTALL)  # outputs of programs, which other tests run
MEASURE = re.compile(
    r"[\d.,]*\d\s?(?:×(?! \d)|x(?= [a-z])|times (?:as|faster|slower)|(?:µs|us|ms|[KMG]i?B)\b"
    r"|[a-z]+ a second\b|a second\b|(?:requests|fetches|jobs|items)/s)"
)
NOT_MEASURED = {
    "architecture.md": {"25 ms", "100 ms"},
    "lab.md": {"8 MiB"},
    "lessons.md": {"20 ms"},
    "pipeline.md": {"256 MiB"},
    "scale.md": {"80 a second", "1,000 a second", "10,000 a second", "1 GB", "10 GB", "100 GB", "256 MiB"},
    "sites.md": {"8 MiB", "256 KiB", "256 MiB", "1 MiB", "750 KiB", "8 KiB", "32 KiB", "32 MiB", "64 KiB"},
    "report.md": {"2 MB"},  # a bound, which tests hold
    "survey.md": {"16 KiB", "50 ms"},
    "testing.md": {"8 MiB", "256 KiB", "64 KiB"},
    "watch.md": {"32 MiB", "96 MiB", "64 KiB", "8 MiB"},
}
SAMPLE = """\
### kept alive

|  | median requests/s | x nginx |
| --- | --- | --- |
| nginx | 1,000 | 1.00 |
| ours | 600 | 0.60 |
"""
QUOTED = "it has 0.60 of its rate <!-- bench: kept alive > ours > x nginx -->"
LINES = SAMPLE.partition("\n\n")[2]
WHOLE = f"<!-- table: kept alive -->\n\n{LINES}\n<!-- end of table -->"


def unquoted(text: str) -> set[str]:
    """Return the measures of a page that name no cell, outside of code and of tables that are quoted whole."""
    prose = NUMBER.sub("", TABLE.sub("", CODE.sub("", text)))
    return {" ".join(found[0].split()) for found in MEASURE.finditer(prose)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_quotation_is_what_the_tables_have(page: Path) -> None:
    """`lab bench --write` brings the pages up to date together with the tables."""
    text, tables = page.read_text("utf-8"), tables_of(BENCHMARKS.read_text("utf-8"))
    assert requoted(text, tables) == text
    assert list(unknown(text, tables)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_number_of_speed_or_memory_is_quoted_or_is_known_to_be_no_measurement(page: Path) -> None:
    """A figure that nothing measures any more would stay in a page for ever."""
    assert unquoted(page.read_text("utf-8")) == NOT_MEASURED.get(page.name, set())


@pytest.mark.parametrize(
    ("text", "now"),
    [
        (QUOTED, QUOTED),
        (QUOTED.replace("0.60", "0.61"), QUOTED),
        ("600 a second <!-- bench: kept alive > theirs > x nginx -->", ""),
        (WHOLE, WHOLE),
        (WHOLE.replace("600", "700"), WHOLE),
        (
            "<!-- table: closed -->\n<!-- end of table -->",
            f"<!-- table: closed -->\n\n{NOT_YET}\n<!-- end of table -->",
        ),
    ],
    ids=["as measured", "another number", "no such row", "a whole table", "another table", "no such table"],
)
def test_a_quotation_is_held_to_its_cell(text: str, now: str) -> None:
    """What there is not stays as it is, and is found by `unknown`."""
    tables = tables_of(SAMPLE)
    assert requoted(text, tables) == (now or text)
    assert bool(list(unknown(text, tables))) is not bool(now)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a fetch takes 85 µs", {"85 µs"}),
        ("3.2 x curl's rate", {"3.2 x"}),
        ("2.7 times as fast", {"2.7 times as"}),
        ("1,600 jobs a second", {"1,600 jobs a second"}),
        ("a worker has 42 MiB", {"42 MiB"}),
        (QUOTED, set()),
        ("```\n42 MiB\n```", set()),
        ("HTTP/1.1, 200 OK, port 8000, 5 s", set()),
    ],
)
def test_a_measure_is_found_where_it_is_not_quoted(text: str, found: set[str]) -> None:
    """Else the test of the pages would hold nothing."""
    assert unquoted(text) == found
