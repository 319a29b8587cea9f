"""The page of figures: bars are ratios, curves are on log axes, and all text is text."""

from pathlib import Path

import pytest

from lab.bench.harness.curve import Curve, Point
from lab.bench.harness.figures import Goal, Group, Promise, Result, Row, Table
from lab.bench.harness.output.page.bars import WIDTH, bars_of
from lab.bench.harness.output.page.page import html_of, write_page
from lab.bench.harness.output.page.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, plots_of
from lab.bench.harness.output.page.plots import WIDTH as PLOT
from services.client.report.page import TEMPLATES

PEER = Row("nginx", (100.0, 100.0, 100.0))
OURS = Row("ours <script>", (50.0, 80.0, 60.0), ours=True)
GROUP = Group(
    "kept alive", "requests/s", (PEER, OURS), "nginx", goals=(Goal("ours <script>", 0.9, "nginx", "Python", "nginx"),)
)
CURVE = Curve(
    "items", "a program", tuple(Point(number, number / 100, 0.0, 30.0) for number in (1_000, 10_000, 100_000))
)
RESULT = Result(
    "sites",
    (GROUP,),
    ("how & when",),
    ("wrk is missing",),
    (Table("sizes", ("file", "MB"), (("wheel", 1.5),)),),
    (Promise("it is small", kept=False, found="1.5 MB", is_goal=True, held_by="a package", ceiling="its base: 1 MB"),),
    0.5,
    (CURVE,),
)


def test_a_bar_is_a_ratio_and_a_line_is_its_spread() -> None:
    """From the least to the greatest ratio; where 1 is, and where the goal is, are on the same scale."""
    bars = bars_of(GROUP)
    nginx, ours = bars.bars
    assert nginx.length == bars.one
    assert (ours.length, ours.least, ours.most) == pytest.approx((bars.one * 0.6, bars.one * 0.5, bars.one * 0.8))
    assert bars.goals == pytest.approx((bars.one * 0.9,))
    assert max(bar.most for bar in bars.bars) < WIDTH
    assert ours.said == "0.60 \N{MULTIPLICATION SIGN}, 60.0 ±25%"


@pytest.mark.parametrize(("is_quotable", "said"), [(True, "NOT REACHED, 0.60"), (False, "not judged")])
def test_a_goal_is_judged_by_figures_that_may_be_quoted(is_quotable: bool, said: str) -> None:
    """Rates that others disturbed reach nothing, and miss nothing."""
    assert bars_of(GROUP, is_quotable=is_quotable).promises[0].partition(": ")[2].partition(": ")[2].startswith(said)


def test_a_group_without_a_reference_is_drawn_by_its_values() -> None:
    """There is no line at 1."""
    bars = bars_of(Group("cores", "cores", (Row("server", (0.5,)), Row("load", (1.0,))), "", None))
    assert bars.one == 0.0
    assert bars.bars[0].length * 2 == pytest.approx(bars.bars[1].length)


def test_a_power_is_a_straight_line_on_log_axes() -> None:
    """Within the axes; a figure without values above 0 has no plot."""
    plots = plots_of(CURVE)
    assert [(plot.name, plot.exponent) for plot in plots.plots] == [("s", "1.00"), ("MiB at most", "0.00")]
    (x1, y1), (x2, y2), (x3, y3) = plots.plots[0].points
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.2)
    assert (x1, y1, x3, y3) == (LEFT, HEIGHT - BOTTOM, PLOT - RIGHT, TOP)


def test_text_is_text_and_the_style_is_the_reports(tmp_path: Path) -> None:
    """Escaped, and no script, and nothing from elsewhere; a bench beside others is marked."""
    write_page(tmp_path / "bench.html", [RESULT])
    page = (tmp_path / "bench.html").read_text("utf-8")
    assert page == html_of([RESULT])
    assert "<script" not in page
    assert "ours &lt;script&gt;" in page
    assert "://" not in page
    assert (TEMPLATES / "style.css").read_text("utf-8").strip() in page
    for said in (
        "how &amp; when",
        "wrk is missing",
        "not to be quoted",
        "not judged, others used the machine, too: it is small: 1.5 MB",
        "not judged: others used the machine, too",
    ):
        assert said in page
