"""What the file of the broker's password may hold, and the one line for what it may not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.broker.password import PasswordUnusable, read_password

REMEDY = "do this"
GOOD = "abcdefghij-0123456789_XYZ"


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"], ids=["no line end", "LF", "CRLF"])
def test_a_password_is_read_without_its_line_end(tmp_path: Path, ending: bytes) -> None:
    """As an editor or `echo` writes it."""
    file = tmp_path / "password"
    file.write_bytes(GOOD.encode() + ending)
    assert read_password(file, remedy=REMEDY) == GOOD


@pytest.mark.parametrize(
    ("held", "what"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"short", "does not hold a password"),
        (b"a" * 201, "does not hold a password"),
        (b"a" * 5000, "does not hold a password"),
        (b"with a space in its middle", "does not hold a password"),
        (b'"; include "/etc/passwd"; "aaaa', "does not hold a password"),
        (b"two-lines-of-a-password\nsecond-line-of-it", "does not hold a password"),
        (b"\xff\xfe" * 20, "does not hold a password"),
        ("пароль-из-букв-кириллицы".encode(), "does not hold a password"),
        (b"\0" * 30, "does not hold a password"),
    ],
    ids=ascii,
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, held: bytes, what: str) -> None:
    """With what to do; what it holds is not shown. Exit code 3."""
    file = tmp_path / "password"
    file.write_bytes(held)
    with pytest.raises(PasswordUnusable, match=f"{what}.*: {REMEDY}$") as refused:
        read_password(file, remedy=REMEDY)
    assert refused.value.exit_code == 3
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("/dev/null")], ids=["directory", "FIFO", "device"]
)
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Without blocking."""
    file = tmp_path / "password"
    make(file)
    with pytest.raises(PasswordUnusable, match="cannot be read"):
        read_password(file, remedy=REMEDY)


def test_a_file_that_is_not_there_is_for_the_caller_to_judge(tmp_path: Path) -> None:
    """`lab up` makes one."""
    with pytest.raises(FileNotFoundError):
        read_password(tmp_path / "password", remedy=REMEDY)
