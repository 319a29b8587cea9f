"""Figures: ratios, goals, tables, charts and files of results."""

import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.bench.errors import ReportUnwritable
from lab.bench.harness.figures import Goal, Group, Promise, Result, Row, Table, as_json
from lab.bench.harness.output import chart, files, terminal, texts
from lab.bench.harness.rounds import interleaved

SVG = "{http://www.w3.org/2000/svg}"
NGINX = Row("nginx", (100.0, 10.0, 40.0))
OURS = Row("ours <&>", (90.0, 9.0, 20.0), ours=True)
GOAL = Goal("ours <&>", 0.9, "nginx", "Python", "null")
GROUP = Group("kept alive", "requests/s", (NGINX, OURS), "nginx", goals=(GOAL,))
RESULT = Result("sites", (GROUP,), ("how",), ("wrk is missing",))


def test_a_ratio_is_taken_round_by_round() -> None:
    """A machine that slows down tenfold between rounds changes no ratio; medians of all rounds would change."""
    assert GROUP.ratios(OURS) == (0.9, 0.9, 0.5)
    assert GROUP.ratio(OURS) == 0.9
    assert GROUP.achieved(GOAL) == 0.9


@pytest.mark.parametrize(("achieved", "text"), [(0.6, "0.60"), (0.504, "0.504"), (0.50004, "0.50004"), (0.49, "0.49")])
def test_a_ratio_that_misses_its_bound_does_not_look_like_it(achieved: float, text: str) -> None:
    """As many decimals as that takes."""
    assert texts.unlike(achieved, 0.5) == text


def test_a_goal_may_be_against_another_than_the_reference() -> None:
    """A group has one reference, and a project several peers to measure itself by."""
    slower = Row("slower", (30.0, 3.0, 10.0))
    group = Group("kept alive", "requests/s", (NGINX, OURS, slower), "nginx")
    assert group.achieved(Goal("ours <&>", 3.0, "slower", "Python", "nginx")) == 3.0


def test_a_goal_that_is_not_reached_says_what_holds_it_and_the_ceiling_that_was_measured() -> None:
    """A ratio alone does not tell whether there is more to be had."""
    goal = Goal("ours <&>", 1.1, "nginx", held_by="Python", ceiling="null")
    group = Group("kept alive", "requests/s", (NGINX, OURS, Row("null", (95.0, 9.5, 38.0))), "nginx")
    assert texts.goal_line(group, goal).endswith("NOT REACHED, 0.90; held by Python; the ceiling, null: 0.95")
    without = Group("kept alive", "requests/s", (NGINX, OURS), "nginx")
    assert texts.goal_line(without, goal).endswith("; held by Python; the ceiling, null: not measured here")
    reached = Goal("ours <&>", 0.9, "nginx", held_by="Python", ceiling="null")
    assert texts.goal_line(group, reached).endswith("reached, 0.90")


@pytest.mark.parametrize(("held_by", "ceiling"), [("", "null"), ("Python", "")])
def test_no_goal_can_be_missed_without_a_reason_and_a_ceiling(held_by: str, ceiling: str) -> None:
    """Of a group or of a bench: one that lacks either cannot be made."""
    with pytest.raises(ValueError, match="what holds it"):
        Goal("ours", 0.9, "nginx", held_by, ceiling)
    with pytest.raises(ValueError, match="what holds it"):
        Promise("it is quick", False, "2 s", is_goal=True, held_by=held_by, ceiling=ceiling)


def test_without_its_reference_a_group_has_no_ratios() -> None:
    """No value is invented for a missing peer."""
    alone = Group("kept alive", "requests/s", (OURS,), "nginx", goals=(GOAL,))
    assert alone.ratio(OURS) is None
    assert alone.achieved(GOAL) is None


def test_each_contestant_has_a_turn_before_one_has_another() -> None:
    """A B A B: what changes on the machine meets all."""
    turns: list[str] = []

    def turn(name: str) -> int:
        turns.append(name)
        return len(turns)

    contestants = [(name, partial(turn, name)) for name in "ABC"]
    measured = interleaved(contestants, 2)
    assert turns == ["A", "B", "C", "A", "B", "C"]
    assert measured == {"A": [1, 4], "B": [2, 5], "C": [3, 6]}


def test_a_table_has_a_row_for_each_contestant_and_says_whether_the_goal_is_reached(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Median, spread, ratio; how it was measured, and what was left out."""
    terminal.draw([RESULT])
    printed = capsys.readouterr().out
    rows = [line.split("│")[1:-1] for line in printed.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["nginx", "40.0", "±112%", "1.00"],
        ["ours <&>", "20.0", "±202%", "0.90"],
    ]
    assert "goal: ours <&> at 0.9 x nginx: reached, 0.90" in printed
    assert "  how\n" in printed
    assert "! wrk is missing\n" in printed


def test_the_json_file_has_every_value(tmp_path: Path) -> None:
    """So that a reader can calculate again."""
    files.write_json(tmp_path / "bench.json", [RESULT])
    document = json.loads((tmp_path / "bench.json").read_text())
    assert document["v"] == 1
    assert document["machine"]["cores"] >= 1
    assert set(document["peers"]) == {"nginx", "wrk", "curl"}
    group = document["results"][0]["groups"][0]
    assert group["reference"] == "nginx"
    assert group["goals"] == [
        {"of": "ours <&>", "ratio": 0.9, "against": "nginx", "achieved": 0.9, "reached": True, "ceiling": None}
    ]
    assert group["rows"][1] == {
        "subject": "ours <&>",
        "ours": True,
        "values": [90.0, 9.0, 20.0],
        "median": 20.0,
        "spread": 4.05,
        "ratio": 0.9,
        "ratios": [0.9, 0.9, 0.5],
    }


def test_the_chart_has_a_bar_for_each_ratio_as_long_as_the_ratio_is() -> None:
    """Names from outside are text in it, and nothing else."""
    root = ElementTree.fromstring(chart.svg_of([RESULT]))  # noqa: S314 - our own
    bars = [float(each.attrib["width"]) for each in root.iter(f"{SVG}rect")][1:]
    assert len(bars) == 2
    assert bars[1] / bars[0] == pytest.approx(0.9, abs=0.01)
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert "ours <&>" in texts
    assert "goal 0.9" in texts


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """After minutes of measuring, the figures are on the screen all the same: they are drawn first."""
    with pytest.raises(ReportUnwritable, match="cannot write"):
        chart.write_chart(tmp_path / "no" / "such.svg", [RESULT])


TABLE = Table("what was done", ("attack", "times", "p50 ms"), (("noise", 1_234, 0.5), ("none", 0, None)))
KEPT, BROKEN = Promise("it is quick", True, "1 ms"), Promise("it is whole", False, "3 [bold]torn[/]")
MISSED = Promise("it is quicker", False, "2 ms", is_goal=True, held_by="its imports", ceiling="asyncio: 1 ms")


def test_promises_are_shown_a_line_each_and_say_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is never broken: programs read it."""
    long = Promise("it is long", True, "x" * 300)
    terminal.draw([Result("chaos", (), tables=(TABLE,), promises=(KEPT, BROKEN, long, MISSED))])
    out = capsys.readouterr().out.splitlines()
    assert "achieved: it is quick: 1 ms" in out
    assert "NOT: it is whole: 3 [bold]torn[/]" in out
    assert f"achieved: it is long: {'x' * 300}" in out
    assert "goal: it is quicker: NOT REACHED, 2 ms; held by its imports; the ceiling, asyncio: 1 ms" in out
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out if line.startswith("│")]
    assert cells == [["noise", "1,234", "0.5"], ["none", "0", "-"]]


def test_a_result_is_kept_where_every_promise_is_and_a_goal_may_be_missed() -> None:
    """A goal depends on the machine."""
    assert Result("chaos", (), promises=(KEPT, MISSED)).kept
    assert not Result("chaos", (), promises=(KEPT, BROKEN)).kept


def test_tables_and_promises_are_in_the_json_of_a_result_that_has_some() -> None:
    """A row by the names of its columns."""
    document = as_json(Result("chaos", (), tables=(TABLE,), promises=(BROKEN,)))
    assert json.loads(json.dumps(document))["tables"] == [
        {
            "title": "what was done",
            "rows": [
                {"attack": "noise", "times": 1234, "p50 ms": 0.5},
                {"attack": "none", "times": 0, "p50 ms": None},
            ],
        }
    ]
    assert json.loads(json.dumps(document))["promises"] == [
        {
            "text": "it is whole",
            "kept": False,
            "found": "3 [bold]torn[/]",
            "is_goal": False,
            "held_by": "",
            "ceiling": "",
        }
    ]
    assert not {"tables", "promises"} & as_json(RESULT).keys()


@pytest.mark.parametrize(("others", "is_marked"), [(None, False), (0.05, False), (0.1, True), (0.6, True)])
def test_a_table_that_was_taken_beside_others_is_marked(
    others: float | None, is_marked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its title, in a line that says why, and in the file of figures."""
    table = Table("sizes", ("file", "MB"), (("wheel", 1.5),))
    result = Result("sites", (GROUP,), tables=(table,), others=others)
    terminal.draw_result(result)
    out = capsys.readouterr().out
    assert out.count("NOT TO BE QUOTED") == (2 if is_marked else 0)
    assert ("not to be quoted: others used" in out) is is_marked
    assert as_json(result).get("quotable", True) is not is_marked


def test_a_narrow_terminal_shows_every_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word that is longer than its column goes on in the next line; it is not cut."""
    monkeypatch.setattr(terminal, "PIPE_COLUMNS", 24)
    row = Row("services.client.with_a_long_name", (9.0, 10.0), ours=True)
    columns = ("program", "processors_of_all_processes")
    table = Table("what ran", columns, (("nginx-of-the-newest-Debian", 1),))
    terminal.draw([Result("sites", (Group("kept alive", "requests/s", (row,), ""),), tables=(table,))])
    out = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    first = "".join(line.split("│")[1].strip() for line in out.splitlines() if "│" in line)
    assert first == "services.client.with_a_long_namenginx-of-the-newest-Debian"
