"""The file of the broker's password: made once, repaired where that is safe, refused in one line where it is not."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose import broker_password
from lab.compose.broker_password import ensure, outdated
from lab.compose.errors import PasswordFileUnusable
from services.broker.password import PASSWORD
from tests.lab.compose.test_containers import made

OLD = "an-old-password-of-this-checkout"


def silent(line: str) -> None:
    """Fail: nothing is to be said."""
    pytest.fail(line)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file of a checkout is, in which there is none yet."""
    return tmp_path / broker_password.FILE


@pytest.fixture
def old(file: Path) -> Path:
    """Return the file of a checkout that has one."""
    file.parent.mkdir(parents=True, mode=0o700)
    file.write_text(OLD)
    file.chmod(0o444)
    return file


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000, 0o777], ids=oct)
def test_it_is_made_with_the_same_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    """Containers have another uid and have to read the file; other users of this machine may not reach it."""
    (tmp_path / "build").mkdir()
    before = os.umask(umask)
    try:
        file = ensure(tmp_path, silent)
    finally:
        os.umask(before)
    assert (mode(file.parent), mode(file)) == (0o700, 0o444)
    assert PASSWORD.fullmatch(file.read_bytes())
    assert list(file.parent.iterdir()) == [file]


def test_each_checkout_has_another_one_and_keeps_it(tmp_path: Path) -> None:
    """A second `lab up` changes nothing."""
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    file = ensure(first, silent)
    before = (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino)
    assert ensure(other, silent).read_bytes() != before[0]
    assert ensure(first, silent) == file
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a checkout to another user")
def test_it_belongs_to_the_owner_of_the_checkout(tmp_path: Path) -> None:
    """Also where root runs `lab up`."""
    os.chown(tmp_path, 1234, 1234)
    file = ensure(tmp_path, silent)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (file, file.parent)} == {(1234, 1234)}


@pytest.mark.parametrize("empty", [Path.touch, lambda file: file.symlink_to("/nowhere")], ids=["file", "link"])
def test_an_empty_file_gets_a_password_and_one_line_says_so(
    tmp_path: Path, old: Path, empty: Callable[[Path], None]
) -> None:
    """As a full disk may leave one; and so does a link into nothing."""
    old.unlink()
    empty(old)
    said: list[str] = []
    ensure(tmp_path, said.append)
    assert said == [f"{old} had no password in it: a new one is made"]
    assert PASSWORD.fullmatch(old.read_bytes())
    assert mode(old) == 0o444


@pytest.mark.parametrize(("directory", "permissions"), [(0o755, 0o444), (0o777, 0o666), (0o700, 0o400), (0o700, 0o600)])
def test_modes_are_repaired_and_the_password_stays(tmp_path: Path, old: Path, directory: int, permissions: int) -> None:
    """What other users could reach they cannot any more, and what containers could not read they can."""
    old.parent.chmod(directory)
    old.chmod(permissions)
    ensure(tmp_path, silent)
    assert (mode(old.parent), mode(old), old.read_text()) == (0o700, 0o444, OLD)


def test_a_password_that_a_person_wrote_with_a_line_end_is_taken(tmp_path: Path, old: Path) -> None:
    """It is left as it is."""
    old.chmod(0o644)
    old.write_text(f"{OLD}\n")
    ensure(tmp_path, silent)
    assert old.read_text() == f"{OLD}\n"


def directory(file: Path) -> None:
    file.mkdir(parents=True)


def fifo(file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)


def file_in_place_of_directory(file: Path) -> None:
    file.parent.parent.mkdir()
    file.parent.write_text("")


MISTAKES: dict[str, tuple[Callable[[Path], None], str]] = {
    "odd bytes": (lambda file: write(file, b"\xff\x00\x1b[31m" * 10), "does not hold a password"),
    "too short": (lambda file: write(file, b"secret"), "does not hold a password"),
    "a configuration": (lambda file: write(file, b'x"; no_auth_user: y; a: "'), "does not hold a password"),
    "a directory": (directory, "cannot be read"),
    "a FIFO": (fifo, "cannot be read"),
    "a file in place of its directory": (file_in_place_of_directory, "cannot be made or read"),
}


def write(file: Path, held: bytes) -> None:
    """Put a file there."""
    file.parent.mkdir(parents=True)
    file.write_bytes(held)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_no_password_is_refused_in_one_line(tmp_path: Path, file: Path, name: str) -> None:
    """It may be a person's, so it is not replaced; the line says what to do. Exit code 3."""
    make, words = MISTAKES[name]
    make(file)
    with pytest.raises(PasswordFileUnusable, match=rf"{words}.*`rm -rf .*`, and `lab up` makes a new one$") as refused:
        ensure(tmp_path, silent)
    assert refused.value.exit_code == 3
    assert str(refused.value).isprintable()


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """As on a read-only disk: here, a file is where `build` should be."""
    (tmp_path / "build").write_text("")
    with pytest.raises(PasswordFileUnusable, match="cannot be made or read"):
        ensure(tmp_path, silent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_another_users_file_is_one_line(tmp_path: Path, old: Path) -> None:
    """As an earlier `sudo lab up` in a foreign checkout may have left it."""
    tmp_path.chmod(0o755)
    program = (
        "import os, sys; from pathlib import Path; from lab.compose.broker_password import ensure\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: ensure(Path(sys.argv[1]), print)\nexcept Exception as error: print(type(error).__name__, error)"
    )
    for parent in tmp_path.parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("PasswordFileUnusable"), ended
    assert "Operation not permitted" in ended.stdout or "Permission denied" in ended.stdout
    assert old.read_text() == OLD


def test_what_was_made_before_the_password_is_outdated(old: Path) -> None:
    """Only services that have it; a container that is newer has read it."""
    changed = old.stat().st_mtime
    before = [
        made(service="broker", created=changed - 1),
        made(service="worker", created=changed + 1),
        made(service="hello", created=changed - 1),
    ]
    assert outdated(old, before) == ["broker"]
    assert outdated(old.with_name("nothing"), before) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here, which says what it ignores")
def test_git_and_builds_do_not_see_it() -> None:
    """It is in no commit and in no build context."""
    ignored = subprocess.run(["git", "check-ignore", broker_password.FILE], cwd=ROOT, capture_output=True, check=False)
    assert ignored.returncode == 0
    context = (ROOT / ".dockerignore").read_text("ascii").split("\n")
    assert "*" in context
    assert [line for line in context if line.startswith("!")] == ["!services", "!requirements"]
