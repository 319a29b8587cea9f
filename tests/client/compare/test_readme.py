"""The picture in the README is what the command draws: in English and in Chinese, save for measured figures."""

import os
import re
import subprocess
import sys
from pathlib import Path

from lab import ROOT

LAB = Path(sys.executable).parent / "lab"
BEGIN, END = "one after another: one task", "take as long as the longest."


def shape(text: str) -> list[str]:
    """Return lines without what is measured: figures, how long each part is, and where the ticks are."""
    lines = []
    for line in text.splitlines():
        if re.fullmatch(r"\s*[┬─]+|\s*0 s[\d. ]*", line):
            continue
        unmeasured = re.sub(r"\d+\.\d+", "N", line.strip())
        lines.append(re.sub(r"█+─+█+", "█─█", re.sub(r" +", " ", unmeasured)))
    return lines


def picture_in(name: str) -> str:
    """Return the picture that a file shows."""
    text = (ROOT / name).read_text("utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def test_the_readme_shows_what_compare_draws_at_80_columns() -> None:
    """Line for line."""
    environment = {**os.environ, "COLUMNS": "80", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    done = subprocess.run(
        [LAB, "embedded", "compare"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    drawn = shape(done.stdout)
    assert shape(picture_in("README.md")) == drawn
    assert shape(picture_in("README.zh-CN.md")) == drawn


def test_the_languages_link_to_one_another_and_every_link_leads_somewhere() -> None:
    """In both directions, for the README and the lessons."""
    pairs = (("README.md", "README.zh-CN.md"), ("docs/lessons.md", "docs/lessons.zh-CN.md"))
    for pair in pairs:
        for name, other in (pair, pair[::-1]):
            links = re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / name).read_text("utf-8"))
            assert Path(other).name in links
            assert [each for each in links if not (ROOT / name).parent.joinpath(each).exists()] == []
