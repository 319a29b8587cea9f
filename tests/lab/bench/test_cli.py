"""`lab bench` as a command: each result is printed when it is known, and kept when a later bench is interrupted."""

import json
import signal
import sys
from pathlib import Path

import pytest

from lab.bench import cli, sites
from lab.bench.chaos import cli as chaos
from lab.bench.errors import BenchFailed
from lab.bench.harness import machine
from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.output import terminal
from lab.bench.hello import result as hello
from lab.bench.wget import result as wget
from lab.cli import main
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import OutputClosed

ONE = Result("sites", (Group("rate of sites", "a second", (Row("ours", (20.0,), ours=True),), ""),), ("how",), ())


def test_a_result_is_printed_before_the_next_bench_begins_and_an_interrupt_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Benches take minutes: ^C loses only the bench that was running."""
    printed: list[str] = []

    def interrupted(*_: object) -> Result:
        printed.append(capsys.readouterr().out)
        raise KeyboardInterrupt

    monkeypatch.setattr(sites, "bench", lambda *_: ONE)
    monkeypatch.setattr(wget, "bench", interrupted)
    assert main(["bench", "sites", "wget", "--quick", "--json", str(tmp_path / "bench.json")]) == INTERRUPTED
    assert "rate of sites" in printed[0]
    assert "cores" in capsys.readouterr().out
    (result,) = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert result["groups"][0]["rows"][0]["values"] == [20.0]


@pytest.mark.parametrize(
    ("error", "said_of_it"),
    [
        (BenchFailed("curl", why="exit code 7", evidence=("no host",)), "curl could not be measured, exit code 7"),
        (ExceptionGroup("in a task", [ValueError("no figure")]), "ExceptionGroup: in a task (1 sub-exception)"),
    ],
    ids=["a program", "its own error"],
)
def test_a_bench_that_fails_is_said_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: Exception,
    said_of_it: str,
) -> None:
    """The exit code says that not all is there."""

    def fails(*_: object) -> Result:
        raise error

    monkeypatch.setattr(sites, "bench", fails)
    monkeypatch.setattr(wget, "bench", lambda *_: ONE)
    assert main(["bench", "sites", "wget", "--quick", "--json", str(tmp_path / "bench.json")]) == 1
    said = capsys.readouterr()
    assert "rate of sites" in said.out
    assert said.err.splitlines()[-1] == f"bench: sites has no figures: {said_of_it}"
    failed, measured = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert failed["failed"] == said_of_it
    assert measured["groups"]


@pytest.mark.parametrize(
    ("bench", "option"), [("sites", "--json"), ("sites", "--html"), ("sites", "--svg"), ("chaos", "--json")]
)
@pytest.mark.parametrize("place", ["", "no/such.file", "file/below"], ids=["a directory", "nowhere", "below a file"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    bench: str,
    option: str,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bench takes minutes, and its figures would be lost."""
    monkeypatch.setattr(sites, "bench", lambda *_: ONE)
    monkeypatch.setattr(cli, "chaos", lambda *_: 0)
    (tmp_path / "file").touch()
    assert main(["bench", bench, option, str(tmp_path / place)]) == 3
    assert capsys.readouterr().out == ""


def test_a_closed_stdout_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bench takes minutes, and its figures would be lost."""
    measured: list[str] = []

    def bench(*_: object) -> Result:
        measured.append("sites")
        return ONE

    monkeypatch.setattr(sites, "bench", bench)
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["bench", "sites", "--quick"]) == 3
    assert capsys.readouterr().err == "lab: cannot write to standard output: it is closed\n"
    assert measured == []


@pytest.mark.parametrize("bench", ["sites", "chaos"])
@pytest.mark.parametrize("first", ["draw_result", "draw_machine"], ids=["at its tables", "at the machine"])
def test_where_the_reader_of_stdout_has_ended_the_file_has_what_was_measured(
    bench: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in `lab bench --json FILE | head`: without a word, and the result that could not be shown is kept."""

    def closed(*_: object) -> None:
        raise OutputClosed

    monkeypatch.setattr(sites, "bench", lambda *_: ONE)
    monkeypatch.setattr(chaos, "chaos", lambda *_, **__: (ONE, 0))
    monkeypatch.setattr(terminal, first, closed)
    assert main(["bench", bench, "--quick", "--json", str(tmp_path / "bench.json")]) == 0
    assert capsys.readouterr().err == ""
    (result,) = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert result["groups"][0]["rows"][0]["values"] == [20.0]


def test_a_sigterm_ends_a_bench_as_an_interrupt_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has started is taken away in `finally`, its containers among them."""
    taken_away: list[bool] = []

    def ended(*_: object) -> Result:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            taken_away.append(True)
        return ONE

    monkeypatch.setattr(sites, "bench", ended)
    assert main(["bench", "sites", "--quick"]) == INTERRUPTED
    assert taken_away == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_figures_of_a_noisy_machine_are_not_written_and_the_exit_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a person would think that the page is new."""
    monkeypatch.setattr(cli, "DOCUMENT", tmp_path / "benchmarks.md")
    monkeypatch.setattr(machine.Neighbours, "share", lambda _self: 0.5)
    monkeypatch.setattr(sites, "bench", lambda *_: ONE)
    assert main(["bench", "sites", "--write"]) == 1
    assert "sites is not written: others used the machine, too" in capsys.readouterr().err
    assert "rate of sites" not in (tmp_path / "benchmarks.md").read_text("utf-8")


def test_an_interrupt_before_the_first_result_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no file without a result."""

    def interrupted(*_: object) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(hello, "bench", interrupted)
    assert main(["bench", "hello", "--quick", "--json", str(tmp_path / "bench.json")]) == INTERRUPTED
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "bench.json").exists()


def test_a_short_bench_is_not_written_into_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it works, and nothing that may be quoted."""
    assert main(["bench", "sites", "--quick", "--write"]) == 2
    assert "--quick is not to be quoted" in capsys.readouterr().err


def test_figures_are_written_where_that_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the page of benchmarks, into those that quote it, and into a page in HTML."""
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(cli, "DOCUMENT", tmp_path / "docs" / "benchmarks.md")
    quoting = tmp_path / "README.md"
    quoting.write_text("about 7 a second <!-- bench: rate of sites > ours > median a second -->\n", "utf-8")
    monkeypatch.setattr(machine.Neighbours, "share", lambda _self: 0.0)
    monkeypatch.setattr(sites, "bench", lambda *_: ONE)
    assert main(["bench", "sites", "--write", "--html", str(tmp_path / "bench.html")]) == 0
    assert "### rate of sites" in (tmp_path / "docs" / "benchmarks.md").read_text("utf-8")
    assert quoting.read_text("utf-8").startswith("about 20.0 a second")
    assert "rate of sites" in (tmp_path / "bench.html").read_text("utf-8")
