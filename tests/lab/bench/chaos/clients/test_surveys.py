"""What surveys that are killed or paused must have written."""

from pathlib import Path

import pytest

from lab.bench.chaos.clients.attack import Report
from lab.bench.chaos.clients.surveys import most_in_a_second, tell_of_records


def line(number: int, error: str = "null") -> str:
    """Return the line of a record, as far as it matters."""
    return f'{{"v": 1, "line": {number}, "target": "a.test/{number}", "error": {error}}}\n'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (line(2) + line(1) + line(3, '"reset"'), True),
        (line(1) + line(2), False),
        (line(1) + line(2) + line(3) + line(2), False),
        (line(1) + line(2) + line(2), False),
        (line(1) + line(2) + line(3) + '{"v": 1, "li', False),
        ("", False),
    ],
    ids=["each once", "one lost", "one twice", "one instead of another", "a torn line", "nothing"],
)
def test_each_target_has_exactly_one_record(tmp_path: Path, text: str, kept: bool) -> None:
    """In any order; a record of an error counts."""
    records = tmp_path / "heads.jsonl"
    records.write_text(text)
    report = Report()
    tell_of_records(records, 3, report)
    assert (report.failures == {}) is kept


def test_a_survey_that_wrote_no_file_has_lost_everything(tmp_path: Path) -> None:
    """It is not an error of the test's own."""
    report = Report()
    tell_of_records(tmp_path / "none", 3, report)
    assert report.failures == {"survey": 1}


@pytest.mark.parametrize(
    ("came_s", "most"),
    [
        ([], 0),
        ([5.0], 1),
        ([0.0, 0.5, 1.0, 1.5], 3),
        ([0.0, 2.0, 2.1, 2.2, 9.0], 3),
        ([float(at) for at in range(9)], 2),
    ],
)
def test_the_fullest_second_begins_anywhere(came_s: list[float], most: int) -> None:
    """A burst does not keep to whole seconds of a clock."""
    assert most_in_a_second(came_s) == most
