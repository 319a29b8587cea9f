"""docs/benchmarks.md: what a run replaces, and what it leaves as it is."""

from pathlib import Path

from lab.bench.harness.figures import Goal, Group, Promise, Result, Row, Table
from lab.bench.harness.output.markdown import document, write_document

GROUP = Group(
    "kept alive",
    "requests/s",
    (Row("nginx", (100.0, 100.0)), Row("ours", (50.0, 70.0), ours=True)),
    "nginx",
    goals=tuple(Goal("ours", ratio, "nginx", "Python", "nginx") for ratio in (0.9, 0.5)),
)
SITES = Result("sites", (GROUP,), ("how",), ("wrk is missing",), others=0.01)
START = Result(
    "start",
    (),
    tables=(Table("sizes", ("file", "MB"), (("wheel", 1.5), ("image", None))),),
    promises=(Promise("it is small", kept=True, found="1.5 MB"),),
    others=0.01,
)


def test_a_section_has_its_tables_its_goals_and_its_method() -> None:
    """With the machine, and in words which goals are reached."""
    page = document("", [SITES, START])
    for line in (
        "| nginx | 100 | ±0% | 1.00 |",
        "| ours | 60.0 | ±17% | 0.60 |",
        "- goal: ours at 0.9 x nginx: NOT REACHED, 0.60; held by Python; the ceiling, nginx: 1.00",
        "- goal: ours at 0.5 x nginx: reached, 0.60",
        "- how",
        "- wrk is missing",
        "| wheel | 1.5 |",
        "| image | - |",
        "- achieved: it is small: 1.5 MB",
    ):
        assert line in page.splitlines()


def test_the_page_begins_with_its_goals_and_what_is_not_reached() -> None:
    """Of all its sections, also of those that a run does not measure anew."""
    small = Promise(
        "it is small", kept=False, found="70 MB", is_goal=True, held_by="a package", ceiling="its base: 1 MB"
    )
    page = document(document("", [SITES]), [Result("start", (), promises=(small,), others=0.01)])
    goals = page.partition("<!-- begin: goals -->\n")[2].partition("<!-- end -->")[0]
    assert goals.splitlines() == [
        "## Goals",
        "",
        "1 of 3 goals are reached. Those that are not, and what holds them:",
        "",
        "- sites: ours at 0.9 x nginx: NOT REACHED, 0.60; held by Python; the ceiling, nginx: 1.00",
        "- start: it is small: NOT REACHED, 70 MB; held by a package; the ceiling, its base: 1 MB",
    ]
    assert page.index("begin: goals") < page.index("begin: sites")


def test_a_bench_that_failed_leaves_its_section_and_two_results_of_one_share_it() -> None:
    """A run of a million targets is a second result of its bench."""
    page = document("", [SITES, Result("sites", (), ("a million",), others=0.01)])
    assert page.count("begin: sites") == 1
    assert "- how" in page
    assert "- a million" in page
    assert document(page, [Result("sites", (), failed="nginx does not start")]) == page


def test_a_run_replaces_its_own_sections_and_keeps_what_was_tried(tmp_path: Path) -> None:
    """Written by hand between the markers, to the byte."""
    file = tmp_path / "benchmarks.md"
    write_document(file, [SITES, START])
    by_hand = "## What was tried\n\nA pool: it did not help.\n"
    file.write_text(
        file.read_text("utf-8").replace("## What was tried\n\nNothing is written down yet.\n", by_hand), "utf-8"
    )
    write_document(file, [Result("sites", (), ("another way",), others=0.01)])
    page = file.read_text("utf-8")
    assert by_hand in page
    assert "another way" in page
    assert "| nginx |" not in page
    assert "| wheel | 1.5 |" in page
    write_document(file, [])
    assert file.read_text("utf-8") == page


def test_what_is_not_to_be_quoted_is_not_written() -> None:
    """The section that was there stays."""
    page = document("", [START])
    assert document(page, [Result("start", (), ("beside others",), others=0.5)]) == page
