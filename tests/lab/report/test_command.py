"""`lab report`: what is written where, what is refused, and what is left where it ends early."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab import ROOT
from lab.cli import run_command
from lab.report.recording import RunFailed, titled
from services.client.trace.chrome.file import trace_file
from services.client.trace.chrome.reading import NotATrace
from services.runtime.errors import BadSetting
from tests.client.report.traces import comparison, held_loop
from tests.lab.serving.labs import LAB

TIMEOUT_S = 60
POLL_S = 0.02
NO_LAB = "http://127.0.0.1:1"


def names(directory: Path) -> list[str]:
    """Return what is in a directory."""
    return sorted(each.name for each in directory.iterdir())


def descendants(pid: int) -> list[Path]:
    """Return the directories in /proc of the processes that a process has started, and those have."""
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [found for child in children for found in (Path(f"/proc/{child}"), *descendants(child))]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return the file of a trace."""
    file = tmp_path / "trace.json"
    trace_file(str(file)).close([held_loop()])
    return file


def test_traces_become_a_page_in_each_language_with_links_between_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader chooses, without a script."""
    for number, each in enumerate(comparison()):
        trace_file(str(tmp_path / f"{number}.json")).close([each])
    out = tmp_path / "out"
    assert run_command(["report", str(tmp_path / "0.json"), str(tmp_path / "1.json"), "-o", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "index.html"), str(out / "index.zh.html")]
    english, chinese = (out / "index.html").read_text(), (out / "index.zh.html").read_text()
    assert 'href="index.zh.html"' in english
    assert 'href="index.html"' in chinese
    assert "Waiting overlaps." in english


@pytest.mark.parametrize(
    "content",
    [b"", b"no trace", b'[\n{"ph":"X"}\n]\n', b"\x00" * 100, b"\x1f\x8b\x08\x00", b"[\n" + b"[" * 9000 + b"\n"],
    ids=["empty", "text", "another's", "zeros", "gzip", "deep"],
)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """A foreign or an empty file; one that was cut off is drawn as far as it goes."""
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    with pytest.raises(NotATrace) as caught:
        run_command(["report", str(file), "-o", str(tmp_path / "out" / "r.html")])
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == ["trace.json"]


def test_a_trace_that_was_cut_off_is_drawn(trace: Path, tmp_path: Path) -> None:
    """A run that was killed has something to show."""
    trace.write_bytes(trace.read_bytes()[:-400])
    assert run_command(["report", str(trace), "-o", str(tmp_path / "r.html")]) == 0


def test_other_files_of_a_directory_stay(trace: Path, tmp_path: Path) -> None:
    """Two pages are added, and nothing is removed."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert run_command(["report", str(trace), "-o", str(tmp_path / "out")]) == 0
    assert names(tmp_path / "out") == ["index.html", "index.zh.html", "notes.txt"]
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("taken", "Not a directory"),
        ("taken/r.html", "Not a directory"),
        ("taken/x/r.html", "Not a directory"),
        ("full", "Is a directory"),
        ("/dev/full", "Not a directory"),
        ("a" * 300, "File name too long"),
    ],
    ids=["a file", "in a file", "below a file", "a page that is a directory", "a device", "a long name"],
)
def test_a_page_that_cannot_be_written_is_one_line(
    output: str, reason: str, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 3, and the story is not run before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()
    (tmp_path / "full" / "index.html").mkdir(parents=True)
    ended = subprocess.run(
        [LAB, "report", "-o", output], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("lab")
    assert line.endswith(reason)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--lab", ""], "argument --lab: it is empty"),
        (["-o", ""], "argument -o/--output: it is empty"),
        ([""], "argument TRACE: it is empty"),
        (["trace.json", "--lab", NO_LAB], "--lab is nothing beside traces"),
    ],
    ids=["no URL", "no output", "no trace", "a lab for traces"],
)
def test_what_means_nothing_is_wrong_usage(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell variable that is not set is no wish for the usual."""
    try:
        code = run_command(["report", *words])
    except SystemExit as error:
        code = int(str(error.code))
    assert code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("name", ["--lab", "ASYNCLAB_URL"])
def test_a_url_of_no_lab_is_wrong_usage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names where it came from, and nothing is left."""
    monkeypatch.setenv("ASYNCLAB_URL", "nowhere")
    words = ["--lab", "nowhere"] if name == "--lab" else []
    with pytest.raises(BadSetting, match=name):
        run_command(["report", "-o", str(tmp_path / "out"), *words])
    assert names(tmp_path) == []


def test_a_lab_that_does_not_answer_ends_the_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the client's own line, the command, and exit code 4; nothing is left."""
    assert run_command(["report", "--lab", NO_LAB, "-o", str(tmp_path / "a" / "b")]) == 4
    *_, evidence, line = capsys.readouterr().err.splitlines()
    assert f"no lab answers at {NO_LAB}" in evidence
    assert line.startswith("lab report: .venv/bin/python -m services.client compare")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("code", "given"), [(2, 2), (130, 130), (-9, 1), (77, 1)])
def test_the_exit_code_of_a_failed_run_is_of_a_kind(code: int, given: int) -> None:
    """What the programs of the lab mean by their codes, this one means too."""
    assert RunFailed("x", "y", "", exit_code=code).exit_code == given


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Neither pages nor the directory for them, nor what a run recorded, nor its lab; sent once or twice."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [LAB, "report", "-o", tmp_path / "out"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as story:
        assert story.stderr
        assert story.stderr.readline().startswith("report: ")
        while not any(each.startswith("lab-ca-") for each in names(tmp_path)):
            time.sleep(POLL_S)  # the program of the run makes it when its lab stands
        started = descendants(story.pid)
        assert started
        story.send_signal(number)
        story.send_signal(number)
        assert story.stderr.read() == ""
    assert story.returncode == 130
    left = [each for each in names(tmp_path) if each.startswith(("out", "lab-"))]  # tempfile itself tries a directory
    assert left == []
    assert [each for each in started if each.exists()] == []


def test_all_processes_of_a_trace_get_the_title_of_their_panel() -> None:
    """Two runs have two panels on one axis, however many programs each of them was."""
    assert {each.title for each in titled(held_loop(), "asyncio").processes} == {"asyncio"}
    assert titled(comparison()[0], "").processes[0].title == "One after another"
