"""--report: what is written where, and what is refused before anything is done."""

from pathlib import Path

import pytest

from services.client.report.file import CannotWriteReport, ReportFile
from services.client.trace.kept import Kept, OneFile
from tests.client.report.traces import held_loop, users


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
    (tmp_path / "link").symlink_to("both")
    for other in ("link", "./both", "../" + tmp_path.name + "/both"):
        with pytest.raises(OneFile):
            Kept(name, f"{tmp_path}/{other}").open()
    kept = Kept(str(tmp_path / "t.json"), str(tmp_path / "r.html")).open()
    kept.close([users(3)])
    assert {each.name for each in tmp_path.iterdir()} == {"link", "t.json", "r.html"}


@pytest.mark.parametrize("option", ["--trace", "--report"])
def test_a_file_that_the_run_reads_or_writes_is_not_replaced(tmp_path: Path, option: str) -> None:
    """The targets, or the records, would be lost; a device takes both."""
    taken = tmp_path / "hosts.txt"
    taken.write_text("localhost")
    (tmp_path / "link").symlink_to(taken)
    for name in (str(taken), str(tmp_path / "link")):
        trace, report = (name, None) if option == "--trace" else (None, name)
        with pytest.raises(OneFile) as caught:
            Kept(trace, report, others=(("--output", None), ("--input", str(taken)))).open()
        assert str(caught.value) == f"{option} and --input both name {name!r}: give them two files"
        assert caught.value.exit_code == 2
    assert taken.read_text() == "localhost"
    Kept("/dev/null", others=(("--output", "/dev/null"),)).open().close([])
