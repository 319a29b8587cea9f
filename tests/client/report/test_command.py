"""`client report`: a trace of before becomes a report on stdout; what is no trace is one line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from services.client.options.programs import REPORT_LANGUAGES
from services.client.report.words import LANGUAGES
from services.client.trace.chrome.file import trace_file
from tests.client.report.traces import held_loop

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
        (b"\x1f\x8b\x08\x00", 3, "it is compressed"),
    ],
    ids=["no file", "nothing", "cut off", "another format", "compressed"],
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


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev"])
def test_what_is_no_file_is_one_line(name: str) -> None:
    """A device is not read to its end."""
    ended = client("report", name)
    assert (ended.returncode, ended.stdout) == (3, b"")
    assert len(ended.stderr.splitlines()) == 1


def test_a_pipe_is_read_and_an_interrupt_ends_the_wait_for_its_writer(tmp_path: Path) -> None:
    """As with any program that reads a file which has no writer yet."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "services.client", "report", str(pipe)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as waiting, pipe.open("wb"):
        waiting.send_signal(signal.SIGINT)  # it reads by now, for the pipe is open on both sides
        assert waiting.stderr
        assert b"Traceback" not in waiting.stderr.read()
    assert waiting.returncode == 130


@pytest.mark.parametrize("to", ["/dev/full", None], ids=["a full disk", "closed"])
def test_a_report_that_cannot_be_printed_is_one_line(to: str | None, tmp_path: Path) -> None:
    """Exit code 3, and no traceback."""
    trace_file(str(trace := tmp_path / "trace.json")).close([held_loop()])
    shell = f"exec {sys.executable} -m services.client report {trace} {f'>{to}' if to else '>&-'}"
    ended = subprocess.run(["/bin/sh", "-c", shell], cwd=ROOT, check=False, capture_output=True, timeout=TIMEOUT_S)
    assert ended.returncode == 3
    [line] = ended.stderr.decode().splitlines()
    assert line.startswith("client: cannot write to standard output: ")
