"""The third Compose file: what is written for which recordings, what `.env` remembers, and how both go again."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import own_sites
from lab.compose import override
from lab.errors import EnvFileUnwritable, RecordingsUnusable, SettingUnfit
from services.runtime.files import ownership
from tests.lab.test_own_sites import GOOD, play

CHOICE = "COMPOSE_FILE=compose.yaml:compose.override.yaml:build/compose.recordings.yaml"


def record(root: Path, *hosts: str, content: str = "x") -> Path:
    """Make files that look like recordings."""
    directory = root / "recordings"
    directory.mkdir(exist_ok=True)
    for host in hosts:
        (directory / f"{host}.http").write_text(content)
    return directory


def generated(root: Path) -> Any:
    """Return the services of the generated file, as Compose reads it."""
    text = (root / override.GENERATED).read_text()
    return json.loads(text.removeprefix(override.HEADER))["services"]


@pytest.mark.parametrize("present", [True, False], ids=["empty", "absent"])
def test_without_recordings_nothing_is_written(root: Path, present: bool) -> None:
    """The lab as it is needs no third file."""
    if present:
        (root / "recordings").mkdir()
    before = (root / ".env").read_text()
    assert override.write(root, root / "recordings") == 0
    assert not (root / "build").exists()
    assert (root / ".env").read_text() == before
    assert override.files(root) == [root / name for name in override.FILES]


def test_each_recorded_host_is_an_alias_of_one_service(root: Path) -> None:
    """Which sees the directory, and cannot write to it."""
    directory = record(root, *(f"h{n}.example" for n in range(200)))
    (directory / "h1.example.toml").touch()
    (directory / "README.md").touch()
    assert override.write(root, directory) == 200
    services = generated(root)
    assert set(services) == {"recorded", "gateway"}
    known = services["gateway"]["environment"]["GATEWAY_HOSTS"].split()
    assert sorted(known)[:1] + sorted(known)[-3:] == [
        "h0.example=recorded",
        "www.163.com=netease",
        "www.sina.com.cn=sina",
        "www.sohu.com=sohu",
    ]
    assert len(known) == 203
    recorded = services["recorded"]
    assert recorded["environment"] == {"SITES_RECORDINGS": "/recordings"}
    assert sorted(recorded["networks"]["lab"]["aliases"]) == sorted(f"h{n}.example" for n in range(200))
    assert recorded["volumes"][0]["source"] == str(directory)
    assert recorded["volumes"][0]["read_only"]
    assert override.files(root)[-1] == root / override.GENERATED


def test_a_host_of_the_lab_is_played_by_its_own_service(root: Path) -> None:
    """Two services with one alias would take turns; and where nothing else is recorded, no other service is needed."""
    override.write(root, record(root, "www.163.com"))
    services = generated(root)
    assert set(services) == {"netease"}
    assert services["netease"]["environment"] == {"SITES_RECORDINGS": "/recordings"}
    assert "networks" not in services["netease"]


def test_the_choice_of_files_is_remembered_once_and_forgotten_whole(root: Path) -> None:
    """Plain `docker compose` sees what the lab sees; a person's other settings are not touched."""
    before = (root / ".env").read_text()
    for _ in range(2):
        override.write(root, record(root, "a.example"))
    assert (root / ".env").read_text().splitlines() == ["# mine", "HELLO_PORT=0", CHOICE]
    override.remove(root)
    assert (root / ".env").read_text() == before
    assert not (root / override.GENERATED).exists()


def test_a_persons_own_choice_of_files_stays(root: Path) -> None:
    """The generated file joins it and leaves it."""
    (root / ".env").write_text("COMPOSE_FILE=compose.yaml:mine.yaml\n")
    override.write(root, record(root, "a.example"))
    assert "COMPOSE_FILE=compose.yaml:mine.yaml:build/compose.recordings.yaml" in (root / ".env").read_text()
    override.remove(root)
    assert (root / ".env").read_text() == "COMPOSE_FILE=compose.yaml:mine.yaml\n"


def test_when_the_last_recording_goes_so_does_the_file(root: Path) -> None:
    """`make up` follows the directory in both directions."""
    directory = record(root, "a.example")
    override.write(root, directory)
    (directory / "a.example.http").unlink()
    assert override.write(root, directory) == 0
    assert not (root / override.GENERATED).exists()
    assert "COMPOSE_FILE" not in (root / ".env").read_text()


def test_the_same_hosts_give_the_same_file_whatever_is_in_their_recordings(root: Path) -> None:
    """A site watches its directory: Compose has to start it anew for a new name only."""
    override.write(root, record(root, "a.example", content="old"))
    before = (root / override.GENERATED).read_text()
    override.write(root, record(root, "a.example", content="new and longer"))
    assert (root / override.GENERATED).read_text() == before
    override.write(root, record(root, "b.example"))
    assert (root / override.GENERATED).read_text() != before


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "-a",
        "a]\nservices: {x",
        "${HOME}",
        "WWW.EXAMPLE.COM",
        "ü",
        "a" * 240 + "_",
        "x: {y",
        "\x1b[2J",
        "\udcff",
    ],
    ids=ascii,
)
def test_a_file_whose_name_is_no_host_is_refused_before_anything_is_written(root: Path, name: str) -> None:
    """It would be a name in the network and text in YAML; the line that refuses it cannot drive a terminal."""
    directory = record(root, "a.example", name)
    with pytest.raises(RecordingsUnusable, match="is not a host name") as caught:
        override.write(root, directory)
    assert str(caught.value).isprintable()
    assert not (root / override.GENERATED).exists()


def test_a_path_that_compose_would_interpolate_is_taken_literally(root: Path) -> None:
    """A dollar is a character."""
    override.write(root, record(root, "a.example").rename(root / "my $HOME recordings"))
    assert generated(root)["recorded"]["volumes"][0]["source"] == f"{root}/my $$HOME recordings"


def test_a_directory_that_is_a_file_is_said_to_be_unreadable(root: Path) -> None:
    """One line, not a traceback."""
    (root / "recordings").write_text("")
    with pytest.raises(RecordingsUnusable, match="cannot be read"):
        override.write(root, root / "recordings")


@pytest.mark.parametrize("name", [b"r\xff", b"a\nb", b"\x1b[2J"], ids=ascii)
def test_a_directory_that_no_compose_file_can_name_is_refused_before_anything_is_written(
    root: Path, name: bytes
) -> None:
    """Nothing stays in `.env`, where it would break every command of Compose's."""
    directory = play(root, a__example__http=GOOD).rename(root / os.fsdecode(name))
    before = (root / ".env").read_text()
    for act in (lambda: own_sites.check(directory), lambda: override.write(root, directory)):
        with pytest.raises(RecordingsUnusable, match="cannot be named in a Compose file") as caught:
            act()
        assert str(caught.value).isprintable()
    assert (root / ".env").read_text() == before
    assert not (root / "build").exists()


def test_an_env_that_cannot_keep_the_choice_leaves_no_generated_file(root: Path) -> None:
    """A change is made whole or not at all."""
    (root / ".env").write_text('COMPOSE_FILE="it\'s.yaml"\n')
    with pytest.raises(SettingUnfit):
        override.write(root, record(root, "a.example"))
    assert not (root / override.GENERATED).exists()


def test_what_was_written_before_can_be_put_back(root: Path) -> None:
    """A start that fails leaves the files of the lab that runs."""
    directory = record(root, "a.example")
    assert override.read(root) is None
    override.write(root, directory)
    kept, chosen = override.read(root), (root / ".env").read_text()
    record(root, "b.example")
    override.write(root, directory)
    override.put_back(root, kept)
    assert (override.read(root), (root / ".env").read_text()) == (kept, chosen)
    override.put_back(root, None)
    assert override.read(root) is None
    assert "COMPOSE_FILE" not in (root / ".env").read_text()


@pytest.mark.parametrize(
    "change",
    [override.remove, lambda root: override.write(root, root / "recordings")],
)
def test_a_checkout_that_cannot_be_written_is_one_line(
    root: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3; and where there is nothing to remove, nothing is tried."""
    override.remove(root)
    override.write(root, record(root, "a.example"))
    record(root, "b.example")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(ownership, "write", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises((RecordingsUnusable, EnvFileUnwritable), match="Read-only file system") as caught:
        change(root)
    assert caught.value.exit_code == 3
