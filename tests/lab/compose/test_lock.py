"""One change of a project at a time, between processes, however they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.compose import lock
from lab.compose.errors import LockBusy, LockClosed

HOLD = """
import sys, time
from pathlib import Path
from lab.compose.lock import held
with held("a-project", lambda line: print("said:", line, flush=True), directories=[Path(sys.argv[1])]):
    print("held", flush=True)
    sys.stdin.read()
print("let go", flush=True)
"""


def holder(place: Path) -> "subprocess.Popen[str]":
    """Start a process that takes the lock, and releases it when its standard input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a process prints."""
    assert process.stdout
    return process.stdout.readline().rstrip()


def test_the_second_waits_and_says_so_until_the_first_is_done(tmp_path: Path) -> None:
    """One line, once; and nothing is left when both have gone."""
    with holder(tmp_path) as first:
        assert line_of(first) == "held"
        with holder(tmp_path) as second:
            assert line_of(second) == "said: Another `lab` is at work on a-project: waiting for it (^C gives up)"
            assert second.poll() is None
            assert first.stdin
            first.stdin.close()
            assert line_of(first) == "let go"
            assert line_of(second) == "held"
            assert second.stdin
            second.stdin.close()
            assert line_of(second) == "let go"
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    """Its file is still there, and does not block."""
    with holder(tmp_path) as first:
        assert line_of(first) == "held"
        first.kill()
    said: list[str] = []
    with lock.held("a-project", said.append, directories=[tmp_path]):
        pass
    assert said == []


def test_an_interrupt_ends_the_waiting(tmp_path: Path) -> None:
    """^C works while there is something to wait for."""
    with holder(tmp_path) as first:
        assert line_of(first) == "held"
        with holder(tmp_path) as second:
            assert line_of(second).startswith("said: ")
            second.send_signal(signal.SIGINT)
            assert second.wait(30) != 0
            assert first.poll() is None
        assert first.stdin
        first.stdin.close()


def test_the_waiting_has_a_deadline(tmp_path: Path) -> None:
    """Exit code 1, and the line names the file whose holder is to be found."""
    with holder(tmp_path) as first:
        assert line_of(first) == "held"
        with (
            pytest.raises(LockBusy, match=r"fuser .*asynclab-a-project\.lock") as caught,
            lock.held("a-project", print, directories=[tmp_path], timeout_s=0),
        ):
            pass
        assert caught.value.exit_code == 1
        assert first.stdin
        first.stdin.close()


def test_projects_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Another name is another lab."""
    said: list[str] = []
    with lock.held("one", said.append, directories=[tmp_path]), lock.held("other", said.append, directories=[tmp_path]):
        assert len(list(tmp_path.iterdir())) == 2
    assert said == []


def test_where_the_first_directory_takes_no_file_the_next_is_used(tmp_path: Path) -> None:
    """Where none does, the work goes on, after one line."""
    with lock.held("a-project", print, directories=[Path("/dev/null"), tmp_path / "build"]):
        assert (tmp_path / "build" / "asynclab-a-project.lock").is_file()
    said: list[str] = []
    with lock.held("a-project", said.append, directories=[Path("/dev/null")]):
        assert len(said) == 1


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_what_another_user_put_in_its_place_is_no_lock(tmp_path: Path, kind: str) -> None:
    """In /tmp every user may make files: none is followed, waited for or written through."""
    trap, target = tmp_path / "asynclab-a-project.lock", tmp_path / "target"
    match kind:
        case "link":
            trap.symlink_to(target)
        case "fifo":
            os.mkfifo(trap)
        case _:
            trap.mkdir()
    with lock.held("a-project", print, directories=[tmp_path, tmp_path / "build"]):
        assert (tmp_path / "build" / "asynclab-a-project.lock").is_file()
    assert not target.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_waits_too(tmp_path: Path) -> None:
    """Every user who can read the file can lock it."""
    place = tmp_path / "place"
    place.mkdir()
    with lock.held("a-project", print, directories=[place]):
        file = place / "asynclab-a-project.lock"
        with holder_as_another_user(file) as other:
            assert line_of(other) == "busy"


def test_the_file_is_readable_for_all_under_any_umask(tmp_path: Path) -> None:
    """A user who cannot read it cannot lock it."""
    before = os.umask(0o077)
    try:
        with lock.held("a-project", print, directories=[tmp_path]):
            assert (tmp_path / "asynclab-a-project.lock").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


@pytest.mark.parametrize("directories", [1, 2])
def test_a_lock_that_cannot_be_opened_is_waited_for_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directories: int
) -> None:
    """It may be held by another user: no other place is taken instead, and the work does not go on."""
    file, said = tmp_path / "asynclab-a-project.lock", list[str]()
    file.touch()
    refuse_to_open(file, monkeypatch)
    with (
        pytest.raises(LockClosed, match="another user may be at work on a-project") as caught,
        lock.held("a-project", said.append, directories=[tmp_path, tmp_path / "build"][:directories], timeout_s=0.2),
    ):
        pytest.fail("went on")
    assert caught.value.exit_code == 1
    assert said == [
        f"{file} cannot be opened, so another user may be at work on a-project: waiting for it (^C gives up)"
    ]
    assert not (tmp_path / "build").exists()


def test_a_lock_that_could_not_be_opened_is_taken_once_it_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder removes it."""
    file = tmp_path / "asynclab-a-project.lock"
    file.touch()
    refuse_to_open(file, monkeypatch)

    def say(_line: str) -> None:
        monkeypatch.undo()
        file.unlink()

    with lock.held("a-project", say, directories=[tmp_path]):
        assert file.is_file()


def refuse_to_open(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to open a file that is there, also for root."""
    system = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        if path == file and not flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied", str(path))
        return system(path, flags, mode)

    monkeypatch.setattr("lab.compose.lock.os.open", refusing)


def holder_as_another_user(file: Path) -> "subprocess.Popen[str]":
    """Start a process of another user that tries to lock the same file, by a descriptor that it inherits."""
    code = """
import fcntl, os, sys
os.setuid(65534)
try:
    fcntl.flock(os.open("/proc/self/fd/3", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("busy")
"""
    shell = ["sh", "-c", 'exec "$0" "$@" 3<"$FILE"', sys.executable, "-c", code]
    return subprocess.Popen(shell, stdout=subprocess.PIPE, text=True, env=os.environ | {"FILE": str(file)})
