"""--report and `lab report`: what is written where, and what is refused before anything is done."""

from pathlib import Path

import pytest

from lab.cli import run_command
from lab.report.recording import titled
from lab.report.scenes import PLANS, Plan
from services.client.report.file import CannotWriteReport, ReportFile
from services.client.report.words import LANGUAGES
from services.client.trace.chrome.file import trace_file
from services.client.trace.chrome.reading import NotATrace
from services.client.trace.kept import Kept, OneFile
from tests.client.report.traces import comparison, held_loop, users


@pytest.mark.parametrize(("name", "language"), [("r.html", "en"), ("r.zh.html", "zh-CN")])
def test_the_name_of_a_report_says_its_language(tmp_path: Path, name: str, language: str) -> None:
    """A container has no person's locale, and a file's name goes everywhere."""
    file = ReportFile(str(tmp_path / name), command="client wget")
    file.close([held_loop()])
    assert f'<html lang="{language}">' in (tmp_path / name).read_text()


@pytest.mark.parametrize("name", ["", "no/such/report.html", ".", "/dev/null", "a\0b"])
def test_a_report_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In one line, before the run: what was recorded would be lost."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotWriteReport) as caught:
        Kept(report=name).open()
    assert caught.value.exit_code == 3
    assert len(str(caught.value).splitlines()) == 1


def test_a_trace_and_a_report_are_two_files(tmp_path: Path) -> None:
    """Both are written at the end, and one of them would be lost."""
    name = str(tmp_path / "both")
    with pytest.raises(OneFile):
        Kept(name, name).open()
    kept = Kept(str(tmp_path / "t.json"), str(tmp_path / "r.html")).open()
    kept.close([users(3)])
    assert {each.name for each in tmp_path.iterdir()} == {"t.json", "r.html"}


def test_traces_become_a_page_in_each_language_with_links_between_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader chooses, without a script."""
    for number, trace in enumerate(comparison()):
        trace_file(str(tmp_path / f"{number}.json")).close([trace])
    out = tmp_path / "out"
    assert run_command(["report", str(tmp_path / "0.json"), str(tmp_path / "1.json"), "-o", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "index.html"), str(out / "index.zh.html")]
    english, chinese = (out / "index.html").read_text(), (out / "index.zh.html").read_text()
    assert 'href="index.zh.html"' in english
    assert 'href="index.html"' in chinese
    assert "Waiting overlaps." in english


@pytest.mark.parametrize("content", [b"", b"no trace", b'[\n{"ph":"X"}\n]\n', b"\x00" * 100])
def test_what_is_no_trace_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """A foreign or an empty file; one that was cut off is drawn as far as it goes."""
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    with pytest.raises(NotATrace) as caught:
        run_command(["report", str(file), "-o", str(tmp_path / "r.html")])
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "r.html").exists()


def test_a_trace_that_was_cut_off_is_drawn(tmp_path: Path) -> None:
    """A run that was killed has something to show."""
    file = tmp_path / "trace.json"
    trace_file(str(file)).close([held_loop()])
    file.write_bytes(file.read_bytes()[:-400])
    assert run_command(["report", str(file), "-o", str(tmp_path / "r.html")]) == 0


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.name["en"]))
def test_each_scene_has_three_sentences_in_each_language(plan: Plan) -> None:
    """The story says the same to both readers."""
    assert {language: len(plan.sentences[language]) for language in LANGUAGES} == {"en": 3, "zh": 3}


def test_a_trace_of_one_program_gets_a_title_for_its_panel() -> None:
    """Two runs of one program have two panels on one axis."""
    assert titled(held_loop(), "asyncio").processes[0].title == "asyncio"
