"""Lessons run as files, as a learner runs them: from any directory, on both loops, into a pipe, until ^C."""

import importlib.metadata
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from lab import ROOT
from services.runtime.settings import LOOPS
from tests.tutorial import DIALOGUE, check_wget, printed_head

WGET = ROOT / "services/client/wget"
SEQUENTIAL, YIELD_FROM, AWAIT = (WGET / name for name in ("sequential.py", "yield_from.py", "await_.py"))
GENERATOR, QUEUE, BROKEN = (
    ROOT / f"services/client/pipeline/editions/{name}.py" for name in ("generator", "queue_", "broken")
)
HELLO = ROOT / "services/hello/app.py"
LESSONS = (SEQUENTIAL, YIELD_FROM, AWAIT, GENERATOR, QUEUE, BROKEN, HELLO)
TUTORIAL_HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
STARTED = re.compile(r"Server started at (http://127\.0\.0\.1:(\d+))\.\.\.\n")


def run_lesson(lesson: Path, *words: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a lesson to its end."""
    command = [sys.executable, str(lesson), *words]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_sequential_fetches_one_after_another(tmp_path: Path, loop: str) -> None:
    """The next host is asked when the head of the one before has been printed."""
    result = run_lesson(SEQUENTIAL, "--loop", loop, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, f"loop: {loop}\n")
    assert result.stdout == "".join(f"wget {host}...\n{printed_head(host)}" for host in TUTORIAL_HOSTS)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("lesson", [YIELD_FROM, AWAIT], ids=lambda path: path.stem)
def test_the_tutorials_editions_fetch_at_once(tmp_path: Path, lesson: Path, loop: str) -> None:
    """All are asked before the first has answered."""
    result = run_lesson(lesson, cwd=tmp_path, LAB_LOOP=loop)
    assert (result.returncode, result.stderr) == (0, f"loop: {loop}\n")
    check_wget(result.stdout, *TUTORIAL_HOSTS)


def test_the_pipelines_dialogue(tmp_path: Path) -> None:
    """It needs no lab."""
    result = run_lesson(GENERATOR, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, DIALOGUE, "")


@pytest.mark.parametrize("lesson", [each for each in LESSONS if each != BROKEN], ids=lambda path: path.stem)
def test_a_lesson_as_it_was_copied_and_changed_runs_as_changed(tmp_path: Path, lesson: Path) -> None:
    """The file that is run is what runs, not the one that the lab brings along."""
    copy = tmp_path / "mine.py"
    text = lesson.read_text("utf-8")
    copy.write_text(
        text.replace("wget {host}...", "ask {host}...")
        .replace("Producing", "Making")
        .replace("await emit(await", 'print("[PRODUCER] Making 1..."); await emit(await')
        .replace("<h1>", "<b>")
    )
    if lesson == HELLO:
        with serving(copy, HELLO_DELAY_S="0", HELLO_PORT="0") as (_server, url):
            assert page_of(f"{url}/hello/x") == b"<b>hello, x!</h1>"
        return
    out = run_lesson(copy, cwd=tmp_path).stdout
    assert out.startswith(("ask www.sina.com.cn...\n", "[PRODUCER] Making 1...\n"))


@contextmanager
def serving(lesson: Path, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Serve a lesson, and give the process and its URL."""
    with subprocess.Popen(
        (sys.executable, lesson), env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            started = STARTED.fullmatch(server.stdout.readline())
            assert started
            yield server, started[1]
        finally:
            server.kill()


def page_of(url: str) -> bytes:
    """Return what a server of ours answers."""
    with urlopen(url) as page:  # noqa: S310 - an http URL, as STARTED has it
        return bytes(page.read())


@pytest.mark.parametrize("loop", LOOPS)
def test_the_server_answers_until_it_is_interrupted(loop: str) -> None:
    """As the tutorial's; ^C is the way to end it."""
    with serving(HELLO, HELLO_DELAY_S="0", HELLO_PORT="0", LAB_LOOP=loop) as (server, url):
        assert page_of(f"{url}/hello/Ada") == b"<h1>hello, Ada!</h1>"
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=30)
        assert (server.returncode, said) == (0, f"loop: {loop}\n")


def test_the_server_leaves_a_lab_that_is_up_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tutorial's port is taken, it serves at another one; a port that HELLO_PORT names is refused."""
    monkeypatch.delenv("HELLO_PORT", raising=False)
    with socket.socket() as lab:
        lab.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            lab.bind(("127.0.0.1", 8000))
            lab.listen()
        except OSError:
            pass  # a lab is up: all the better
        with serving(HELLO) as (server, url):
            assert url != "http://127.0.0.1:8000"
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=30)
        assert said.startswith(
            "app.py: 127.0.0.1:8000 is not free (Address already in use): it serves at another port\n"
        )
        refused = run_lesson(HELLO, cwd=ROOT, HELLO_PORT="8000")
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1].startswith("app.py: cannot listen on 127.0.0.1:8000 (")
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["--typo"], 2), (["typo"], 2)], ids=str)
def test_a_lesson_has_help_and_refuses_what_it_does_not_know(lesson: Path, words: Sequence[str], code: int) -> None:
    """In one line, as every program of the lab."""
    result = run_lesson(lesson, *words, cwd=ROOT)
    assert result.returncode == code
    if code:
        assert result.stdout == ""
        assert re.fullmatch(rf"{lesson.name}: .* \(see {lesson.name} --help\)\n", result.stderr)


@pytest.mark.parametrize("lesson", [SEQUENTIAL, YIELD_FROM, AWAIT, GENERATOR], ids=lambda path: path.stem)
def test_a_reader_that_leaves_is_no_error(lesson: Path) -> None:
    """As in `| head -1`."""
    with subprocess.Popen(
        (sys.executable, lesson), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()
    assert "Traceback" not in said
    assert running.returncode == 0


@pytest.mark.parametrize("folder", sorted({lesson.parent for lesson in LESSONS}), ids=lambda path: path.name)
def test_no_file_beside_a_lesson_has_the_name_of_a_module_that_it_may_import(folder: Path) -> None:
    """Python looks first in the folder of the file that is run: a `queue.py` there would be the one that it finds."""
    beside = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__pycache__"}
    installed = set(importlib.metadata.packages_distributions())
    assert not beside & (sys.stdlib_module_names | installed | {"services", "lab"})


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_says_which_it_is(lesson: Path) -> None:
    """At most a hundred lines, and its number in the order of docs/lessons.md, in both languages."""
    text = lesson.read_text("utf-8")
    assert len(text.splitlines()) <= 100
    number = LESSONS.index(lesson) + 1
    assert text.startswith(f'"""Lesson {number}, ')
    for name in ("docs/lessons.md", "docs/lessons.zh-CN.md"):
        linked = re.findall(r"\]\(\.\./(services/[\w/]+\.py)\)", (ROOT / name).read_text("utf-8"))
        ours = list(dict.fromkeys(path for path in linked if ROOT / path in LESSONS))
        assert ours == [str(each.relative_to(ROOT)) for each in LESSONS]
