"""Writing a recording and its sidecar into a directory."""

import errno
import os
import tomllib
from pathlib import Path

import pytest

from services.client.record.files import CannotWrite, RecordingExists, SidecarBroken, refuse_existing, save


def names(directory: Path) -> list[str]:
    """Return what is in a directory."""
    return sorted(file.name for file in directory.iterdir())


def test_a_recording_and_its_sidecar_are_readable_for_all(tmp_path: Path) -> None:
    """A site in a container runs as another user."""
    file = save(tmp_path / "new" / "one", "a.example", b"\xff\r\n", {"provenance": {"url": "x"}}, force=False)
    assert file.read_bytes() == b"\xff\r\n"
    assert tomllib.loads(file.with_suffix(".toml").read_text()) == {"provenance": {"url": "x"}}
    assert file.stat().st_mode & 0o777 == 0o644
    assert names(file.parent) == ["a.example.http", "a.example.toml"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000], ids=oct)
def test_sites_can_read_it_under_any_umask(tmp_path: Path, mask: int) -> None:
    """Also new directories for it; an existing one keeps its mode."""
    before = os.umask(mask)
    try:
        file = save(tmp_path / "new" / "one", "a.example", b"", {}, force=False)
        (tmp_path / "mine").mkdir(mode=0o700)
        save(tmp_path / "mine", "a.example", b"", {}, force=False)
    finally:
        os.umask(before)
    assert [each.stat().st_mode & 0o777 for each in (file.parent.parent, file.parent, file)] == [0o755, 0o755, 0o644]
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write other people's files")
def test_what_root_records_belongs_to_the_directorys_owner(tmp_path: Path) -> None:
    """In a person's checkout a recording is that person's; one that is replaced keeps its owner."""
    os.chown(tmp_path, 12345, 23456)
    file = save(tmp_path / "recordings", "a.example", b"", {}, force=False)
    assert [each.stat().st_uid for each in (file.parent, file, file.with_suffix(".toml"))] == [12345] * 3
    os.chown(file, 54321, 54321)
    save(tmp_path / "recordings", "a.example", b"", {}, force=True)
    assert file.stat().st_uid == 54321


@pytest.mark.parametrize("there", ["a.example.http", "a.example.toml"])
def test_an_existing_recording_is_not_replaced_without_force(tmp_path: Path, there: str) -> None:
    """No incomplete file is left."""
    (tmp_path / there).write_text("mine")
    with pytest.raises(RecordingExists):
        save(tmp_path, "a.example", b"new", {}, force=False)
    assert names(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_directory_that_cannot_be_looked_into_is_one_line() -> None:
    """A name that is too long, or a directory of another user."""
    with pytest.raises(CannotWrite, match=r"\(File name too long\): choose a directory with -o"):
        refuse_existing(Path("x" * 300), "a.example")


def test_force_replaces_the_recording_and_keeps_what_else_the_sidecar_says(tmp_path: Path) -> None:
    """A fault plan in it is a person's work."""
    (tmp_path / "a.example.http").write_text("old")
    (tmp_path / "a.example.toml").write_text('[after]\nhead = "idle"\n[provenance]\nurl = "old"\nx = 1\n')
    save(tmp_path, "a.example", b"new", {"provenance": {"url": "new"}}, force=True)
    assert (tmp_path / "a.example.http").read_bytes() == b"new"
    assert tomllib.loads((tmp_path / "a.example.toml").read_text()) == {
        "after": {"head": "idle"},
        "provenance": {"url": "new"},
    }


@pytest.mark.parametrize(
    ("said", "reason"),
    [("= broken", "is not TOML: "), ("a = " + "[" * 20_000, "is nested too deeply")],
    ids=["broken", "deep"],
)
def test_a_sidecar_that_cannot_be_read_is_not_lost(tmp_path: Path, said: str, reason: str) -> None:
    """One small correction may make it valid."""
    (tmp_path / "a.example.toml").write_text(said)
    with pytest.raises(SidecarBroken, match=rf"a\.example\.toml {reason}"):
        save(tmp_path, "a.example", b"new", {}, force=True)
    assert (tmp_path / "a.example.toml").read_text() == said


def test_a_directory_that_cannot_be_made_is_said_to_be_one(tmp_path: Path) -> None:
    """Not taken for a recording that is there."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="file"):
        save(tmp_path / "file", "a.example", b"new", {}, force=False)


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written completely or not at all."""

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        save(tmp_path, "a.example", b"new", {}, force=False)
    assert names(tmp_path) == []


def test_a_disk_that_is_full_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sidecar is small and finds room where the recording finds none; it would then speak of other bytes."""
    save(tmp_path, "a.example", b"old", {"url": "old"}, force=False)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    room = iter([None, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])

    def second_is_full(_number: int) -> None:
        if error := next(room):
            raise error

    monkeypatch.setattr(os, "fsync", second_is_full)
    with pytest.raises(CannotWrite, match="No space left"):
        save(tmp_path, "a.example", b"new", {"url": "new"}, force=True)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_a_file_system_without_links_is_written_to_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared folders and memory sticks have none."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    save(tmp_path, "a.example", b"new", {}, force=False)
    assert names(tmp_path) == ["a.example.http", "a.example.toml"]
    with pytest.raises(RecordingExists):
        save(tmp_path, "a.example", b"newer", {}, force=False)
