"""Temporary directories: made, removed, and removed later where their process was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.runtime.files.temporary import NoTemporaryDirectory, temporary_directory, temporary_file

PREFIX = "swept-"
HOLD = f"""
import time
from services.runtime.files.temporary import temporary_directory
with temporary_directory({PREFIX!r}) as made:
    (made / "inside").mkdir()
    print(made, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which temporary ones are made, in this process and its children."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def hold() -> "tuple[subprocess.Popen[str], Path]":
    """Start a process that has a temporary directory, and return both."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().rstrip())


def test_a_directory_lasts_as_long_as_its_block(place: Path) -> None:
    """Only this user may read it, and nothing is left of it."""
    with temporary_directory(PREFIX) as made:
        assert made.parent == place
        assert made.stat().st_mode & 0o777 == 0o700
        (made / "file").touch()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(place: Path) -> None:
    """The kernel unlocks the directory of a killed process; one that is locked stays."""
    killed, left = hold()
    living, kept = hold()
    with killed, living:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.is_dir()
        with temporary_directory(PREFIX) as made:
            assert set(place.iterdir()) == {kept, made}
        living.kill()


def test_links_and_directories_of_other_users_are_left_alone(place: Path) -> None:
    """Following a link could remove files anywhere."""
    target = place / "target"
    target.mkdir()
    (target / "precious").touch()
    link, file, other = (place / f"{PREFIX}{name}" for name in ("link", "file", "other"))
    link.symlink_to(target)
    file.touch()
    other.mkdir()
    if os.geteuid() == 0:
        os.chown(other, 12345, 12345)
    else:
        other.rename(place / "other")  # only root can make another user's directory
        other = place / "other"
    with temporary_directory(PREFIX):
        assert (target / "precious").exists()
        assert link.is_symlink()
        assert file.is_file()
        assert other.is_dir()


def test_where_no_directory_can_be_made_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line and exit code 3, where the parent is missing and where there is none."""
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    with pytest.raises(NoTemporaryDirectory, match="TMPDIR") as caught, temporary_directory(PREFIX):
        pass
    assert caught.value.exit_code == 3

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/x']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(NoTemporaryDirectory, match="No usable temporary directory"), temporary_directory(PREFIX):
        pass
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with pytest.raises(NoTemporaryDirectory), temporary_file():
        pass
