"""Starting and stopping a daemon by hand, with a small program that has the daemon's name."""

import os
import signal
import sys
from pathlib import Path

import pytest

from lab.docker import daemon
from lab.docker.errors import EngineNotOurs, EngineNotStarting
from lab.subprocesses import Outcome
from tests.lab.answers import Programs

PATIENT = """
import os, pathlib, signal
print("API listen on", os.getcwd(), os.getsid(0) == os.getpid(), flush=True)
pathlib.Path({ready!r}).touch()
signal.pause()
"""
BROKEN = """
import sys
print("starting up", flush=True)
sys.exit("failed to start daemon: no cgroup mounted")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for the log, the marks and the program."""
    monkeypatch.setattr(daemon, "LOG", tmp_path / "dockerd.log")
    monkeypatch.setattr(daemon, "MARK", tmp_path / "mark.pid")
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "docker.pid")
    monkeypatch.setattr(daemon, "POLL_S", 0.01)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def install(place: Path, program: str) -> None:
    """Put a program named dockerd where it is found first."""
    file = place / "dockerd"
    file.write_text(f"#!{sys.executable}\n{program}")
    file.chmod(0o755)


def test_starts_in_a_session_of_its_own_and_stops(place: Path) -> None:
    """It outlives the shell that started it, uses no directory of it, logs to a file, and stops when asked."""
    ready = place / "ready"
    install(place, PATIENT.format(ready=str(ready)))
    daemon.start(has_systemd=False, answers=ready.exists)
    try:
        assert daemon.running(daemon.MARK)
        assert daemon.LOG.read_text() == "API listen on / True\n"
    finally:
        assert daemon.stop()
    assert not daemon.MARK.exists()
    assert not daemon.stop()


def test_a_daemon_that_dies_shows_its_last_lines(place: Path) -> None:
    """The waiting ends when the daemon does, not at the deadline."""
    install(place, BROKEN)
    with pytest.raises(EngineNotStarting) as caught:
        daemon.start(has_systemd=False, answers=lambda: False)
    assert caught.value.evidence == ("starting up", "failed to start daemon: no cgroup mounted")
    assert str(daemon.LOG) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_daemon_that_never_answers_has_a_deadline(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait ends."""
    monkeypatch.setattr(daemon, "START_TIMEOUT_S", 0.05)
    install(place, PATIENT.format(ready=str(place / "ready")))
    with pytest.raises(EngineNotStarting, match="no answer"):
        daemon.start(has_systemd=False, answers=lambda: False)
    os.kill(int(daemon.MARK.read_text()), signal.SIGKILL)


@pytest.mark.usefixtures("place")
def test_systemd_starts_it_where_there_is_one() -> None:
    """Then the log is the journal's, and there is nothing for `stop` to stop."""
    started = Programs({"systemctl start docker": Outcome(0)})
    daemon.start(has_systemd=True, answers=lambda: True, run=started)
    assert not daemon.stop()
    failing = Programs({"systemctl start docker": Outcome(1, err="Job for docker.service failed.\n")})
    with pytest.raises(EngineNotStarting, match="journalctl -u docker") as caught:
        daemon.start(has_systemd=True, answers=lambda: False, run=failing)
    assert caught.value.evidence == ("Job for docker.service failed.",)


def test_another_users_daemon_is_said_to_be_that(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with exit code 3, and its mark stays."""
    ready = place / "ready"
    install(place, PATIENT.format(ready=str(ready)))
    daemon.start(has_systemd=False, answers=ready.exists)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        with pytest.raises(EngineNotOurs, match=r"is another user's: .*sudo") as caught:
            daemon.stop()
    assert caught.value.exit_code == 3
    assert daemon.MARK.exists()
    assert daemon.stop()


def test_a_mark_that_another_user_left_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names no daemon, and only that user can remove it."""
    (place / "mark.pid").write_text("999999999")
    monkeypatch.setattr(Path, "unlink", refuse)
    assert not daemon.stop()


def refuse(*_: object, **__: object) -> None:
    """Refuse as the system does."""
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("text", ["", "hm", str(os.getpid()), "999999999"], ids=["nothing", "a word", "ours", "none"])
def test_a_stale_pid_file_names_no_daemon(tmp_path: Path, text: str) -> None:
    """Process ids are used again: the process that has this one now must not be killed."""
    file = tmp_path / "mark.pid"
    file.write_text(text)
    assert daemon.running(file) is None


def test_no_pid_file_names_no_daemon(tmp_path: Path) -> None:
    """Nothing was started."""
    assert daemon.running(tmp_path / "mark.pid") is None
