"""`client report`: a trace of before becomes a report on stdout; what is no trace is one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from services.client.options.programs import REPORT_LANGUAGES
from services.client.report.words import LANGUAGES

SCRIPT = "import asyncio\nasyncio.run(asyncio.sleep(0.01))\n"
TIMEOUT_S = 30


def client(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run the client."""
    command = [sys.executable, "-m", "services.client", *words]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=TIMEOUT_S)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trace_of_before_is_drawn(language: str, tmp_path: Path) -> None:
    """With what made it, as text."""
    script, trace = tmp_path / "script.py", tmp_path / "lanes.json"
    script.write_text(SCRIPT)
    assert client("trace", "--trace", str(trace), str(script)).returncode == 0
    made = client("report", str(trace), "--command", "make <it>", "--language", language)
    assert (made.returncode, made.stderr) == (0, b"")
    html = made.stdout.decode()
    assert html.lower().startswith("<!doctype html>")
    assert f'<html lang="{language}' in html
    assert "<span>make</span> <span>&lt;it&gt;</span>" in html


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (None, 3, "cannot read "),
        (b"", 3, "it is empty"),
        (b"[\n", 3, "it describes no process"),
        (b"<html>", 3, "it does not begin with a line of `[`"),
    ],
    ids=["no file", "nothing", "cut off", "another format"],
)
def test_what_is_no_trace_is_one_line(content: bytes | None, code: int, reason: str, tmp_path: Path) -> None:
    """Nothing on stdout then."""
    trace = tmp_path / "lanes.json"
    if content is not None:
        trace.write_bytes(content)
    ended = client("report", str(trace))
    assert (ended.returncode, ended.stdout) == (code, b"")
    [line] = ended.stderr.decode().splitlines()
    assert line.startswith("client: ")
    assert reason in line


def test_the_languages_of_the_option_are_those_of_the_texts() -> None:
    """The option is declared without an import of the texts."""
    assert REPORT_LANGUAGES == LANGUAGES
