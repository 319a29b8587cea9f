"""The client without arguments: the output for a person at a terminal, and for a program."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from lab import ROOT
from lab.embedded.program import EMBEDDED
from services.client.defaults import ON_HOST
from services.client.tour import HEADINGS, NEXT, ORIGIN, TUTORIAL, WHY, suggestions
from tests.tutorial import DIALOGUE, check_wget

LAB = Path(sys.executable).parent / "lab"
HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
STEPS = (ORIGIN, *HEADINGS, WHY, "times as fast", NEXT, ".venv/bin/lab embedded compare hello")


def check_output(text: str) -> None:
    """Check that `text` is what the three programs print, to the byte but for figures."""
    wget, dialogue, figures = text.partition(DIALOGUE)
    assert dialogue
    check_wget(wget, *HOSTS)
    names = [re.split(r"  +", line)[0] for line in figures.splitlines()]
    assert names == [
        "users", "answered", "wall time", "median", "99th percentile", "one user alone", "one after another (reckoned)",
    ]  # fmt: skip


def test_a_program_gets_what_the_tutorial_prints_and_nothing_more() -> None:
    """On stderr only the loop's name: no heading, and no picture."""
    done = subprocess.run([LAB, "embedded"], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "loop: asyncio\n")
    check_output(done.stdout)


@pytest.mark.parametrize(
    ("variables", "coloured"), [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)]
)
def test_a_person_is_told_what_to_look_at_why_and_what_is_next(
    tmp_path: Path, variables: Mapping[str, str], coloured: bool
) -> None:
    """All of it on stderr; stdout, a file here, is that of a program."""
    out = tmp_path / "out"
    command = f"env -u COLUMNS '{LAB}' embedded > '{out}'"
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
    terminal = pexpect.spawn(
        "/bin/sh", ["-c", command], cwd=ROOT, env=environment, timeout=50, encoding="utf-8", dimensions=(24, 100)
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    check_output(out.read_text("utf-8"))
    shown = terminal.before or ""
    assert ("\x1b[1m" in shown) is coloured
    words = " ".join(re.sub(r"\x1b\[\d+m", "", shown).split())
    places = [words.index(step) for step in STEPS]
    assert places == sorted(places)
    assert TUTORIAL in words
    assert "█" in words


@pytest.mark.parametrize("called", ["docker compose run --rm client", EMBEDDED, ON_HOST])
def test_each_suggestion_is_one_line(called: str) -> None:
    """Of 80 columns, for each way to run the client."""
    assert all(len(f"{command}  # {meaning}") <= 80 for command, meaning in suggestions(called))


def test_the_last_screen_of_the_tour_fits_a_terminal_of_24_lines(tmp_path: Path) -> None:
    """The picture, its explanation, the suggestions and the prompt are all visible."""
    terminal = pexpect.spawn(
        "/bin/sh",
        ["-c", f"env -u COLUMNS '{LAB}' embedded > '{tmp_path / 'out'}'"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"},
        timeout=50,
        encoding="utf-8",
        dimensions=(24, 80),
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    lines = (terminal.before or "").splitlines()
    assert len(lines[lines.index(WHY) :]) <= 23


def test_ctrl_c_in_the_picture_is_exit_130() -> None:
    """As in every program."""
    terminal = pexpect.spawn(str(LAB), ["embedded"], cwd=ROOT, timeout=50, encoding="utf-8")
    terminal.expect_exact(WHY[:30])
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert NEXT not in (terminal.before or "")
