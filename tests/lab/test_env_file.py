"""The `.env` file: how it is read, what is refused, and what a change does not touch."""

import os
from pathlib import Path

import pytest

from lab import env_file
from lab.errors import EnvFileBroken, EnvFileUnreadable, EnvFileUnwritable, SettingUnfit
from services.runtime.files.ownership import make_directory

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
    assert env_file.read(file) == expected


def test_no_file_has_no_settings(tmp_path: Path) -> None:
    """A fresh clone has no `.env`."""
    assert env_file.read(tmp_path / ".env") == {}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN)
def test_names_file_and_line_of_what_it_cannot_read(tmp_path: Path, text: str, line: int) -> None:
    """One line with file, line number and what to do; python-dotenv alone would pass over it."""
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(EnvFileBroken) as caught:
        env_file.read(file)
    assert caught.value.line == line
    assert f"{file}, line {line} is not KEY=VALUE: write KEY=VALUE lines" in str(caught.value)
    assert caught.value.exit_code == 2


def test_refuses_what_is_not_text(tmp_path: Path) -> None:
    """Bytes are never guessed at."""
    file = tmp_path / ".env"
    file.write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(EnvFileBroken, match="line 2 is not UTF-8"):
        env_file.read(file)


def test_refuses_a_file_without_an_end(tmp_path: Path) -> None:
    """What is read has a bound."""
    file = tmp_path / ".env"
    file.write_bytes(b"#" * (env_file.LIMIT_BYTES + 1))
    with pytest.raises(EnvFileBroken, match="larger than"):
        env_file.read(file)


def test_refuses_a_directory(tmp_path: Path) -> None:
    """A mistake with volumes often leaves a directory where a file should be."""
    with pytest.raises(EnvFileUnreadable, match="cannot be read") as caught:
        env_file.read(tmp_path)
    assert caught.value.exit_code == 3


def test_remembers_in_a_new_file(tmp_path: Path) -> None:
    """The first thing to remember makes the file."""
    file = tmp_path / ".env"
    env_file.remember(file, "BASE_IMAGE", "asynclab-base:trixie")
    assert file.read_text() == "BASE_IMAGE=asynclab-base:trixie\n"


def test_changes_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    """A person's comments, order and quotes are theirs; the file's permissions too."""
    file = tmp_path / ".env"
    file.write_text("# mine\n\nA = 'x'\nBASE_IMAGE=old\n\n# end\nB=\"y\"")
    file.chmod(0o640)
    env_file.remember(file, "BASE_IMAGE", "new")
    env_file.remember(file, "C", "1")
    assert file.read_text() == "# mine\n\nA = 'x'\nBASE_IMAGE=new\n\n# end\nB=\"y\"\nC=1\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_does_not_write_what_is_remembered_already(tmp_path: Path) -> None:
    """A second `make up` changes nothing, not even a file's time."""
    file = tmp_path / ".env"
    file.write_text("A=1\n")
    before = file.stat()
    env_file.remember(file, "A", "1")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_does_not_touch_a_broken_file(tmp_path: Path) -> None:
    """Rewriting what cannot be read could lose what the person meant."""
    file = tmp_path / ".env"
    file.write_text("hm\n")
    with pytest.raises(EnvFileBroken):
        env_file.remember(file, "A", "1")
    assert file.read_text() == "hm\n"


def test_says_what_to_add_by_hand_where_it_cannot_write(tmp_path: Path) -> None:
    """A file that cannot be written is exit code 3."""
    with pytest.raises(EnvFileUnwritable, match="A=1") as caught:
        env_file.remember(tmp_path / "missing" / ".env", "A", "1")
    assert caught.value.exit_code == 3


def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    """It is a person's file like any other, not one that its writer alone may read."""
    mask = os.umask(0o027)
    try:
        env_file.remember(tmp_path / ".env", "A", "1")
    finally:
        os.umask(mask)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write other people's files")
@pytest.mark.parametrize("owner", [(0, 0), (12345, 23456)], ids=["root's file", "the person's file"])
def test_what_root_writes_belongs_to_the_person(tmp_path: Path, owner: tuple[int, int]) -> None:
    """A new file belongs to the owner of its directory; a file that is there keeps its owner and mode."""
    os.chown(tmp_path, 12345, 23456)
    env_file.remember(tmp_path / ".env", "A", "1")
    made = (tmp_path / ".env").stat()
    assert (made.st_uid, made.st_gid) == (12345, 23456)
    os.chown(tmp_path / ".env", *owner)
    (tmp_path / ".env").chmod(0o604)
    env_file.remember(tmp_path / ".env", "A", "2")
    env_file.forget(tmp_path / ".env", "A")
    kept = (tmp_path / ".env").stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (*owner, 0o604)
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_uid == 12345


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The settings of a person who has them elsewhere stay there."""
    (tmp_path / "elsewhere").write_text("B=1\n")
    (tmp_path / ".env").symlink_to("elsewhere")
    env_file.remember(tmp_path / ".env", "A", "1")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "B=1\nA=1\n"


@pytest.mark.parametrize("value", ["a b", "a #b", "$HOME", 'say "a"', " a ", "ü", "", "`a`", "a;b", "a!"])
def test_what_is_remembered_is_read_again_to_the_letter(tmp_path: Path, value: str) -> None:
    """Blanks, comments and references are characters: neither Compose nor the lab makes something else of them."""
    env_file.remember(tmp_path / ".env", "A", "before")
    env_file.remember(tmp_path / ".env", "A", value)
    assert env_file.read(tmp_path / ".env") == {"A": value}


@pytest.mark.parametrize("value", ["a\nB=1", "a\rb", "a\0b", "a\udcff", "it's", "${HOME}", "a\\", "\x1b[2J"], ids=ascii)
def test_what_no_line_can_hold_is_refused_before_anything_is_written(tmp_path: Path, value: str) -> None:
    """One printable line, exit code 2, and the file as it was."""
    file = tmp_path / ".env"
    file.write_text("B=1\n")
    with pytest.raises(SettingUnfit) as caught:
        env_file.remember(file, "A", value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2
    assert file.read_text() == "B=1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_key_that_was_set_twice_is_set_once(tmp_path: Path) -> None:
    """The last one counts, so it is the place of the new one; blank lines stay."""
    file = tmp_path / ".env"
    file.write_text("A=1\n\nA=2\n\nB=1\n")
    env_file.remember(file, "A", "3")
    assert file.read_text() == "\nA=3\n\nB=1\n"
    env_file.forget(file, "A")
    assert file.read_text() == "\n\nB=1\n"
