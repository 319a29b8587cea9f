"""The `.env` file: what is read from it, what is refused, and what a change leaves alone."""

from pathlib import Path

import pytest

from lab import dotenv
from lab.errors import EnvFileBroken, EnvFileUnwritable

GOOD = {
    "empty": ("", {}),
    "pairs": ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
    "comments and blanks": ("# a\n\n  \nA=1 # why\n", {"A": "1"}),
    "quotes": ("A='one two'\nB=\"three\"\n", {"A": "one two", "B": "three"}),
    "empty value": ("A=\n", {"A": ""}),
    "export": ("export A=1\n", {"A": "1"}),
    "no last line end": ("A=1", {"A": "1"}),
    "a reference": ("A=1\nB=${A}2\n", {"A": "1", "B": "12"}),
}
BROKEN = {
    "no equals sign": ("A=1\nHELLO_PORT\n", 2),
    "words": ("this is not it\n", 1),
    "after blank lines": ("A=1\n\n  \n\nhm\n", 5),
    "open quote": ("A='1\n", 1),
    "no key": ("=1\n", 1),
}


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD)
def test_reads_settings(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    """The usual forms that Compose reads too."""
    file = tmp_path / ".env"
    file.write_text(text)
    assert dotenv.read(file) == expected


def test_the_environment_wins_unless_it_says_nothing(tmp_path: Path) -> None:
    """As in Compose; a variable that is set to nothing is a setting that is left out."""
    file = tmp_path / ".env"
    file.write_text("A=1\nB=2\nC=3\n")
    assert dotenv.settings({"B": "", "C": "4", "D": "5"}, file) == {"A": "1", "B": "2", "C": "4", "D": "5"}


def test_no_file_has_no_settings(tmp_path: Path) -> None:
    """A fresh clone has no `.env`."""
    assert dotenv.read(tmp_path / ".env") == {}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN)
def test_names_file_and_line_of_what_it_cannot_read(tmp_path: Path, text: str, line: int) -> None:
    """One line with file, line number and what to do; python-dotenv alone would pass over it."""
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(EnvFileBroken) as caught:
        dotenv.read(file)
    assert caught.value.line == line
    assert f"{file}, line {line} is not KEY=VALUE: write KEY=VALUE lines" in str(caught.value)
    assert caught.value.exit_code == 2


def test_refuses_what_is_not_text(tmp_path: Path) -> None:
    """Bytes are never guessed at."""
    file = tmp_path / ".env"
    file.write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(EnvFileBroken, match="line 2 is not UTF-8"):
        dotenv.read(file)


def test_refuses_a_file_without_an_end(tmp_path: Path) -> None:
    """What is read has a bound."""
    file = tmp_path / ".env"
    file.write_bytes(b"#" * (dotenv.LIMIT_BYTES + 1))
    with pytest.raises(EnvFileBroken, match="larger than"):
        dotenv.read(file)


def test_refuses_a_directory(tmp_path: Path) -> None:
    """A mistake with volumes often leaves a directory where a file should be."""
    with pytest.raises(EnvFileBroken, match="cannot be read"):
        dotenv.read(tmp_path)


def test_remembers_in_a_new_file(tmp_path: Path) -> None:
    """The first thing to remember makes the file."""
    file = tmp_path / ".env"
    dotenv.remember(file, "BASE_IMAGE", "asynclab-base:trixie")
    assert file.read_text() == "BASE_IMAGE=asynclab-base:trixie\n"


def test_changes_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    """A person's comments, order and quotes are theirs; the file's permissions too."""
    file = tmp_path / ".env"
    file.write_text("# mine\n\nA = 'x'\nBASE_IMAGE=old\n\n# end\nB=\"y\"")
    file.chmod(0o640)
    dotenv.remember(file, "BASE_IMAGE", "new")
    dotenv.remember(file, "C", "1")
    assert file.read_text() == "# mine\n\nA = 'x'\nBASE_IMAGE=new\n\n# end\nB=\"y\"\nC=1\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_does_not_write_what_is_remembered_already(tmp_path: Path) -> None:
    """A second `make up` changes nothing, not even a file's time."""
    file = tmp_path / ".env"
    file.write_text("A=1\n")
    before = file.stat()
    dotenv.remember(file, "A", "1")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_does_not_touch_a_broken_file(tmp_path: Path) -> None:
    """Rewriting what cannot be read could lose what the person meant."""
    file = tmp_path / ".env"
    file.write_text("hm\n")
    with pytest.raises(EnvFileBroken):
        dotenv.remember(file, "A", "1")
    assert file.read_text() == "hm\n"


def test_says_what_to_add_by_hand_where_it_cannot_write(tmp_path: Path) -> None:
    """A file that cannot be written is exit code 3."""
    with pytest.raises(EnvFileUnwritable, match="A=1") as caught:
        dotenv.remember(tmp_path / "missing" / ".env", "A", "1")
    assert caught.value.exit_code == 3
