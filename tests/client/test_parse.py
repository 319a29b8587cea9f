"""`client parse`: files and streams in, one JSON object out, and the exit code that says which kind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.client.options.programs import add_parse
from services.client.parse import Options, run
from services.runtime.cli import OptionParser
from services.runtime.errors import InputUnreadable
from tests.client.head.cases import CASES, Case, head, ok

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "services/sites/recordings").glob("*.http"))


def options(*argv: str) -> Options:
    """The options as a command line gives them."""
    parser = OptionParser()
    add_parse(parser)
    return Options(**vars(parser.parse_args(argv)))


def program(*argv: str, stdin: bytes = b"", stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "services.client", "parse", *argv],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )


@pytest.fixture(name="recorded")
def _recorded(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.http"
    path.write_bytes(ok(b"Server : x", b"X: caf\xe9\x1b") + b"content")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict_is_that_of_the_table(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line of ASCII for each case, and 0 or 1."""
    path = tmp_path / "case.http"
    path.write_bytes(case.data)
    code = run(options(str(path)))
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    verdict = json.loads(line)
    if case.error is not None:
        assert code == 1
        assert list(verdict) == ["error", "detail", "offset"]
        assert (verdict["error"], verdict["offset"]) == (case.error, case.offset)
    else:
        assert code == 0
        assert (verdict["status"], set(verdict["anomalies"])) == (case.status, set(case.anomalies))


def test_head_has_the_documented_shape(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys of the contract, in its order; Latin-1, so that each byte is one character."""
    assert run(options(str(recorded))) == 0
    assert list(json.loads(capsys.readouterr().out).items()) == [
        ("http_version", "HTTP/1.1"),
        ("status", 200),
        ("reason", "OK"),
        ("headers", [["Server", "x"], ["X", "caf\xe9\x1b"]]),
        ("interim", []),
        ("anomalies", ["whitespace_before_colon", "control_byte"]),
        ("head_bytes", 41),
    ]


def test_interim_heads_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are part of what the server said."""
    path = tmp_path / "interim.http"
    path.write_bytes(ok(b"Link: x").replace(b"200 OK", b"103 E") + ok())
    assert run(options(str(path))) == 0
    assert json.loads(capsys.readouterr().out)["interim"] == [
        {"http_version": "HTTP/1.1", "status": 103, "reason": "E", "headers": [["Link", "x"]]}
    ]


def test_strict_names_the_departure(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is only listed by default is an error here."""
    assert run(options("--strict", str(recorded))) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["error"] == "malformed_head"
    assert verdict["detail"].startswith("whitespace_before_colon: ")
    assert verdict["offset"] == 23


@pytest.mark.parametrize("limit", ["--max-head", "--max-fields"])
def test_limits_are_options(limit: str, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A head beyond a limit is `head_too_large`."""
    assert run(options(limit, "1", str(recorded))) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "head_too_large"


@pytest.mark.parametrize("argv", [["--max-head", "0"], ["--max-fields", "-1"], ["--max-head", "x"], ["a", "b"]])
def test_wrong_usage_is_exit_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that nothing fits in is a mistake, and not a verdict on a server."""
    with pytest.raises(SystemExit) as ended:
        options(*argv)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["missing.http", "."], ids=["missing", "directory"])
def test_unreadable_file_is_one_line_and_exit_3(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing on stdout: there is no verdict without bytes."""
    with pytest.raises(InputUnreadable, match=re.escape(str(tmp_path / name))) as unreadable:
        run(options(str(tmp_path / name)))
    assert unreadable.value.exit_code == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_are_read(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab's own sites, as they were recorded."""
    assert run(options(str(recording))) == 0
    assert json.loads(capsys.readouterr().out)["headers"]


@pytest.mark.parametrize("argv", [[], ["-"]], ids=["no_file", "dash"])
def test_stdin_is_read_where_no_file_is_named(argv: list[str]) -> None:
    """As a filter does."""
    done = program(*argv, stdin=head(b"HTTP/1.1 204 No Content"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["status"] == 204


def test_verdict_comes_before_the_stream_ends() -> None:
    """A server that keeps its connection open is not waited for."""
    with subprocess.Popen(
        [sys.executable, "-m", "services.client", "parse"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(ok())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["status"] == 200
        assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_one_line_and_exit_3(recorded: Path) -> None:
    """A verdict that cannot be written is an error."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = program(str(recorded), stdout=full)
    finally:
        os.close(full)
    assert done.returncode == 3
    assert done.stderr == b"client: cannot write to standard output: No space left on device\n"


def test_closed_pipe_is_quiet(recorded: Path) -> None:
    """The reader of the pipe has ended: there is no message."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = program(str(recorded), stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
