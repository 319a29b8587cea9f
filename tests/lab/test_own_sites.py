"""How a directory of recordings becomes part of the lab, as files."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import own_sites
from lab.errors import EnvFileUnwritable, RecordingsUnusable, SettingUnfit
from services.runtime.files import ownership

CHOICE = "COMPOSE_FILE=compose.yaml:compose.override.yaml:build/compose.recordings.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree with Compose files and one setting of a person's own."""
    for name in own_sites.FILES:
        (tmp_path / name).touch()
    (tmp_path / ".env").write_text("# mine\nHELLO_PORT=0\n")
    return tmp_path


def record(root: Path, *hosts: str, content: str = "x") -> Path:
    """Make files that look like recordings."""
    directory = root / "recordings"
    directory.mkdir(exist_ok=True)
    for host in hosts:
        (directory / f"{host}.http").write_text(content)
    return directory


def generated(root: Path) -> Any:
    """Return the services of the generated file, as Compose reads it."""
    text = (root / own_sites.GENERATED).read_text()
    return json.loads(text.removeprefix(own_sites.HEADER))["services"]


@pytest.mark.parametrize("present", [True, False], ids=["empty", "absent"])
def test_without_recordings_nothing_is_written(root: Path, present: bool) -> None:
    """The lab as it is needs no third file."""
    if present:
        (root / "recordings").mkdir()
    before = (root / ".env").read_text()
    assert own_sites.write_compose_override(root, root / "recordings") == 0
    assert not (root / "build").exists()
    assert (root / ".env").read_text() == before
    assert own_sites.files(root) == [root / name for name in own_sites.FILES]


def test_each_recorded_host_is_an_alias_of_one_service(root: Path) -> None:
    """Which sees the directory, cannot write to it, and is waited for by the client."""
    directory = record(root, *(f"h{n}.example" for n in range(200)))
    (directory / "h1.example.toml").touch()
    (directory / "README.md").touch()
    assert own_sites.write_compose_override(root, directory) == 200
    services = generated(root)
    assert set(services) == {"recorded", "client"}
    recorded = services["recorded"]
    assert recorded["deploy"] == {"replicas": 1}
    assert sorted(recorded["networks"]["lab"]["aliases"]) == sorted(f"h{n}.example" for n in range(200))
    assert recorded["volumes"][0]["source"] == str(directory)
    assert recorded["volumes"][0]["read_only"]
    assert own_sites.files(root)[-1] == root / own_sites.GENERATED


def test_a_host_of_the_lab_is_played_by_its_own_service(root: Path) -> None:
    """Of two services with one alias, either would answer; without other recordings, no further service is needed."""
    own_sites.write_compose_override(root, record(root, "www.163.com"))
    services = generated(root)
    assert set(services) == {"netease"}
    assert services["netease"]["environment"] == {"SITES_RECORDINGS": "/recordings"}
    assert "networks" not in services["netease"]


def test_the_choice_of_files_is_remembered_once_and_forgotten_whole(root: Path) -> None:
    """Plain `docker compose` sees what the lab sees; a person's other settings are not touched."""
    before = (root / ".env").read_text()
    for _ in range(2):
        own_sites.write_compose_override(root, record(root, "a.example"))
    assert (root / ".env").read_text().splitlines() == ["# mine", "HELLO_PORT=0", CHOICE]
    own_sites.remove_compose_override(root)
    assert (root / ".env").read_text() == before
    assert not (root / own_sites.GENERATED).exists()


def test_a_persons_own_choice_of_files_stays(root: Path) -> None:
    """The generated file joins it and leaves it."""
    (root / ".env").write_text("COMPOSE_FILE=compose.yaml:mine.yaml\n")
    own_sites.write_compose_override(root, record(root, "a.example"))
    assert "COMPOSE_FILE=compose.yaml:mine.yaml:build/compose.recordings.yaml" in (root / ".env").read_text()
    own_sites.remove_compose_override(root)
    assert (root / ".env").read_text() == "COMPOSE_FILE=compose.yaml:mine.yaml\n"


def test_without_recordings_the_generated_file_is_removed(root: Path) -> None:
    """`make up` follows the directory in both directions."""
    directory = record(root, "a.example")
    own_sites.write_compose_override(root, directory)
    (directory / "a.example.http").unlink()
    assert own_sites.write_compose_override(root, directory) == 0
    assert not (root / own_sites.GENERATED).exists()
    assert "COMPOSE_FILE" not in (root / ".env").read_text()


def test_the_same_hosts_give_the_same_file_for_any_content_of_their_recordings(root: Path) -> None:
    """A site watches its directory: Compose has to start it again for a new name only."""
    own_sites.write_compose_override(root, record(root, "a.example", content="old"))
    before = (root / own_sites.GENERATED).read_text()
    own_sites.write_compose_override(root, record(root, "a.example", content="new and longer"))
    assert (root / own_sites.GENERATED).read_text() == before
    own_sites.write_compose_override(root, record(root, "b.example"))
    assert (root / own_sites.GENERATED).read_text() != before


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
        own_sites.write_compose_override(root, directory)
    assert str(caught.value).isprintable()
    assert not (root / own_sites.GENERATED).exists()


def test_a_path_that_compose_would_interpolate_is_taken_literally(root: Path) -> None:
    """A dollar is a character."""
    own_sites.write_compose_override(root, record(root, "a.example").rename(root / "my $HOME recordings"))
    assert generated(root)["recorded"]["volumes"][0]["source"] == f"{root}/my $$HOME recordings"


def test_the_directory_is_the_environments_then_that_of_env_then_the_usual(root: Path) -> None:
    """Relative paths start at the tree, wherever a person stands."""
    assert own_sites.directory(root, environ={}) == root / "recordings"
    (root / ".env").write_text("LAB_RECORDINGS=of/env\n")
    assert own_sites.directory(root, environ={}) == root / "of/env"
    assert own_sites.directory(root, environ={"LAB_RECORDINGS": "/elsewhere"}) == Path("/elsewhere")


def test_a_directory_that_was_named_has_to_be_there_to_be_played(root: Path) -> None:
    """A wrong name would give a lab without these sites. The default directory may come later."""
    assert own_sites.to_play(root, environ={}) == root / "recordings"
    with pytest.raises(RecordingsUnusable, match="recordigns does not exist, and LAB_RECORDINGS names it") as caught:
        own_sites.to_play(root, environ={"LAB_RECORDINGS": "recordigns"})
    assert caught.value.exit_code == 3
    with pytest.raises(RecordingsUnusable, match="is not a directory"):
        own_sites.to_play(root, environ={"LAB_RECORDINGS": ".env"})
    (root / ".env").write_text("LAB_RECORDINGS=mine\n")
    with pytest.raises(RecordingsUnusable, match="mine does not exist"):
        own_sites.to_play(root, environ={})
    (root / "mine").mkdir()
    assert own_sites.to_play(root, environ={}) == root / "mine"


@pytest.mark.parametrize(
    ("named", "why"),
    [("~nobody-of-that-name/x", "is in nobody's home"), ("x" * 5_000, "cannot be read [(]File name too long[)]")],
    ids=["home", "length"],
)
def test_a_directory_that_cannot_be_is_refused(root: Path, named: str, why: str) -> None:
    """One line, not a traceback."""
    with pytest.raises(RecordingsUnusable, match=f"{why}, and LAB_RECORDINGS names it"):
        own_sites.to_play(root, environ={"LAB_RECORDINGS": named})


def test_a_directory_that_is_a_file_is_said_to_be_unreadable(root: Path) -> None:
    """One line, not a traceback."""
    (root / "recordings").write_text("")
    with pytest.raises(RecordingsUnusable, match="cannot be read"):
        own_sites.write_compose_override(root, root / "recordings")


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def play(root: Path, **files: bytes) -> Path:
    """Make recordings and sidecars that sites may read, by names in which `__` stands for a dot."""
    directory = root / "recordings"
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("__", ".")).write_bytes(content)
        (directory / name.replace("__", ".")).chmod(0o644)
    directory.chmod(0o755)
    return directory


def test_what_can_be_played_passes_the_check(root: Path) -> None:
    """A tutorial's host has a port of its own, and may refuse; nothing is written."""
    directory = play(
        root,
        a__example__http=GOOD,
        www__163__com__http=GOOD,
        www__163__com__toml=b'[[faults]]\nfault = "refuse"\n',
    )
    before = sorted(root.rglob("*"))
    own_sites.check(directory)
    own_sites.check(root / "nowhere")
    assert sorted(root.rglob("*")) == before


UNFIT: dict[str, tuple[dict[str, bytes], str]] = {
    "empty": ({"a__example__http": b""}, "a.example.http: is empty"),
    "no HTTP": ({"a__example__http": b"junk\n"}, "a.example.http: "),
    "a broken sidecar": (
        {"a__example__http": GOOD, "a__example__toml": b"x = 1\n"},
        "a.example.toml: 'x' is not a key",
    ),
    "an offset beyond the head": (
        {"a__example__http": GOOD, "a__example__toml": b'[[faults]]\nfault = "rst_at"\nbytes = 9999\n'},
        "beyond the head",
    ),
    "a fault that needs a port of its own": (
        {"a__example__http": GOOD, "a__example__toml": b'[[faults]]\nfault = "refuse"\n'},
        "shares its port",
    ),
    "the second of two": ({"a__example__http": GOOD, "www__sohu__com__http": b""}, "www.sohu.com.http: is empty"),
}


@pytest.mark.parametrize(("files", "why"), UNFIT.values(), ids=UNFIT)
def test_what_a_site_would_refuse_is_refused_first(root: Path, files: dict[str, bytes], why: str) -> None:
    """By the site's own reader, with its text: one line, exit code 3."""
    with pytest.raises(RecordingsUnusable, match=why) as caught:
        own_sites.check(play(root, **files))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", ["a.example.http", "a.example.toml", ""], ids=["recording", "sidecar", "directory"])
def test_what_a_site_may_not_read_is_refused_with_the_command_that_helps(root: Path, name: str) -> None:
    """The person who runs the lab may read it, root above all; the site in its container is another user."""
    directory = play(root, a__example__http=GOOD, a__example__toml=b"")
    file = directory / name
    file.chmod(0o700 if file.is_dir() else 0o600)
    with pytest.raises(RecordingsUnusable, match=rf"Permission denied.*chmod a\+r.* {file}$"):
        own_sites.check(directory)


@pytest.mark.parametrize("name", [b"r\xff", b"a\nb", b"\x1b[2J"], ids=ascii)
def test_a_directory_that_no_compose_file_can_name_is_refused_before_anything_is_written(
    root: Path, name: bytes
) -> None:
    """Nothing stays in `.env`, where it would break every command of Compose's."""
    directory = play(root, a__example__http=GOOD).rename(root / os.fsdecode(name))
    before = (root / ".env").read_text()
    for act in (lambda: own_sites.check(directory), lambda: own_sites.write_compose_override(root, directory)):
        with pytest.raises(RecordingsUnusable, match="cannot be named in a Compose file") as caught:
            act()
        assert str(caught.value).isprintable()
    assert (root / ".env").read_text() == before
    assert not (root / "build").exists()


@pytest.mark.parametrize(
    "name", ["._a.example.http", ".#a.example.http", ".http", ".a.http.swp.http", "#a.http#", "a~"]
)
def test_files_of_editors_and_file_managers_are_no_recordings(root: Path, name: str) -> None:
    """They lie beside recordings on many machines, also as links into nothing."""
    directory = play(root, a__example__http=GOOD)
    (directory / name).symlink_to("nobody@host.1234")
    assert own_sites.hosts(directory) == ["a.example"]
    own_sites.check(directory)


def test_an_env_that_cannot_keep_the_choice_leaves_no_generated_file(root: Path) -> None:
    """A change is made completely or not at all."""
    (root / ".env").write_text('COMPOSE_FILE="it\'s.yaml"\n')
    with pytest.raises(SettingUnfit):
        own_sites.write_compose_override(root, record(root, "a.example"))
    assert not (root / own_sites.GENERATED).exists()


def test_what_was_woven_in_before_can_be_put_back(root: Path) -> None:
    """A start that fails leaves the files of the lab that runs."""
    directory = record(root, "a.example")
    assert own_sites.compose_override(root) is None
    own_sites.write_compose_override(root, directory)
    kept, chosen = own_sites.compose_override(root), (root / ".env").read_text()
    record(root, "b.example")
    own_sites.write_compose_override(root, directory)
    own_sites.put_back(root, kept)
    assert (own_sites.compose_override(root), (root / ".env").read_text()) == (kept, chosen)
    own_sites.put_back(root, None)
    assert own_sites.compose_override(root) is None
    assert "COMPOSE_FILE" not in (root / ".env").read_text()


@pytest.mark.parametrize(
    "weave",
    [own_sites.remove_compose_override, lambda root: own_sites.write_compose_override(root, root / "recordings")],
)
def test_a_checkout_that_cannot_be_written_is_one_line(
    root: Path, weave: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3; and where there is nothing to remove, nothing is tried."""
    own_sites.remove_compose_override(root)
    own_sites.write_compose_override(root, record(root, "a.example"))
    record(root, "b.example")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(ownership, "write", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises((RecordingsUnusable, EnvFileUnwritable), match="Read-only file system") as caught:
        weave(root)
    assert caught.value.exit_code == 3


def test_more_than_a_site_has_room_for_is_refused_first(root: Path) -> None:
    """By their sizes, before they are read: 75 recordings of 8 MiB would else take a container down."""
    limit = f"memory: {own_sites.SITE_MEMORY_BYTES // 1024 // 1024}M"
    assert limit in (own_sites.ROOT / "compose.yaml").read_text()
    directory = play(root, **{f"h{n}__example__http": GOOD for n in range(75)})
    for file in directory.iterdir():
        os.truncate(file, 8 * 1024 * 1024)
    with pytest.raises(RecordingsUnusable, match=r"too large: 75 recordings need \d+\.\d MiB"):
        own_sites.check(directory)
