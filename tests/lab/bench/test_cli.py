"""`lab bench` as a command: each result is printed when it is known, and kept when a later bench is interrupted."""

import json
from pathlib import Path

import pytest

from lab.bench import sites, wget
from lab.bench.harness.figures import Group, Result, Row
from lab.bench.hello import result as hello
from lab.cli import main
from services.runtime.cli import INTERRUPTED

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
