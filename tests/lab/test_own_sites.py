"""How a directory of recordings becomes part of the lab, as files."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ROOT, own_sites
from lab.errors import RecordingsUnusable
from lab.settings import read


def test_the_directory_is_the_environments_then_that_of_env_then_the_usual(root: Path) -> None:
    """Relative paths start at the tree, wherever a person stands."""
    assert own_sites.directory(read(root, {})) == root / "recordings"
    (root / ".env").write_text("LAB_RECORDINGS=of/env\n")
    assert own_sites.directory(read(root, {})) == root / "of/env"
    assert own_sites.directory(read(root, {"LAB_RECORDINGS": "/elsewhere"})) == Path("/elsewhere")


def test_a_directory_that_was_named_has_to_be_there_to_be_played(root: Path) -> None:
    """A wrong name would give a lab without these sites. The default directory may come later."""
    assert own_sites.to_play(read(root, {})) == root / "recordings"
    with pytest.raises(RecordingsUnusable, match="recordigns does not exist, and LAB_RECORDINGS names it") as caught:
        own_sites.to_play(read(root, {"LAB_RECORDINGS": "recordigns"}))
    assert caught.value.exit_code == 3
    with pytest.raises(RecordingsUnusable, match="is not a directory"):
        own_sites.to_play(read(root, {"LAB_RECORDINGS": ".env"}))
    (root / ".env").write_text("LAB_RECORDINGS=mine\n")
    with pytest.raises(RecordingsUnusable, match="mine does not exist"):
        own_sites.to_play(read(root, {}))
    (root / "mine").mkdir()
    assert own_sites.to_play(read(root, {})) == root / "mine"


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("~nobody-of-that-name/x", "is in the home directory of a user who does not exist"),
        ("x" * 5_000, "cannot be read [(]File name too long[)]"),
    ],
    ids=["home", "length"],
)
def test_a_directory_that_cannot_be_is_refused(root: Path, named: str, why: str) -> None:
    """One line, not a traceback."""
    with pytest.raises(RecordingsUnusable, match=f"{why}, and LAB_RECORDINGS names it"):
        own_sites.to_play(read(root, {"LAB_RECORDINGS": named}))


def test_a_host_may_have_a_directory_of_recordings_alone(root: Path) -> None:
    """It gets a name as every host does; what has no recording in it is another's directory."""
    recorded = root / "recordings"
    for directory, name in (
        ("a.example", "login.http"),
        ("notes", "a.txt"),
        (".git", "a.http"),
        ("b.example", "x.http"),
    ):
        (recorded / directory).mkdir(parents=True)
        (recorded / directory / name).write_bytes(GOOD)
    (recorded / "b.example.http").write_bytes(GOOD)
    assert own_sites.hosts(recorded) == ["a.example", "b.example"]
    (recorded / "A.example").mkdir()
    (recorded / "A.example" / "x.http").write_bytes(GOOD)
    with pytest.raises(RecordingsUnusable, match=r"holds 'A\.example\.http', which is not a host name in lower case"):
        own_sites.hosts(recorded)


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
    """A tutorial's host has its own port, and may refuse; nothing is written."""
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


UNREADABLE = {
    "recording": "a.example.http",
    "sidecar": "a.example.toml",
    "directory": "",
    "another recording": "a.example/x.http",
    "its sidecar": "a.example/x.toml",
    "directory of a host": "a.example",
}


@pytest.mark.parametrize("name", UNREADABLE.values(), ids=UNREADABLE)
def test_what_a_site_may_not_read_is_refused_with_the_command_that_helps(root: Path, name: str) -> None:
    """The person who runs the lab may read it, root above all; the site in its container is another user."""
    directory = play(root, a__example__http=GOOD, a__example__toml=b"")
    (directory / "a.example").mkdir(mode=0o755)
    play(directory.parent, **{"a__example/x__http": GOOD, "a__example/x__toml": b""})
    file = directory / name
    file.chmod(0o700 if file.is_dir() else 0o600)
    with pytest.raises(RecordingsUnusable, match=rf"Permission denied.*chmod a\+r.* {file}$"):
        own_sites.check(directory)


def test_a_directory_of_a_host_that_cannot_be_listed_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its host would be missing in the lab, with no message. Root may list any directory: the call fails here."""
    directory = play(root, b__example__http=GOOD)
    for name in ("a.example", "Not a host"):
        (directory / name).mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.parent == directory:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(RecordingsUnusable, match=r"a\.example cannot be read \(Permission denied\): chmod a\+rx .*"):
        own_sites.hosts(directory)
    (directory / "a.example").rmdir()
    assert own_sites.hosts(directory) == ["b.example"]


def test_two_recordings_for_the_same_requests_are_refused_in_one_line(root: Path) -> None:
    """Before a site is started: else they are seen at its /readyz alone."""
    directory = play(root)
    (directory / "a.example").mkdir(mode=0o755)
    match = b'[match]\npath = "/x"\n'
    play(
        root,
        **{
            f"a__example/{name}": raw
            for name in "xy"
            for name, raw in ((f"{name}__http", GOOD), (f"{name}__toml", match))
        },
    )
    with pytest.raises(
        RecordingsUnusable, match=r"a\.example/y\.http: matches the same requests as x.http: "
    ) as caught:
        own_sites.check(directory)
    assert "\n" not in str(caught.value)
    assert own_sites.hosts(directory) == ["a.example"]


@pytest.mark.parametrize(
    "name", ["._a.example.http", ".#a.example.http", ".http", ".a.http.swp.http", "#a.http#", "a~"]
)
def test_files_of_editors_and_file_managers_are_no_recordings(root: Path, name: str) -> None:
    """They lie beside recordings on many machines, also as links into nothing."""
    directory = play(root, a__example__http=GOOD)
    (directory / name).symlink_to("nobody@host.1234")
    assert own_sites.hosts(directory) == ["a.example"]
    own_sites.check(directory)


def test_more_than_a_site_has_room_for_is_refused_first(root: Path) -> None:
    """By their sizes, before they are read: 75 recordings of 8 MiB would need more memory than the container has."""
    limit = f"memory: {own_sites.SITE_MEMORY_BYTES // 1024 // 1024}M"
    assert limit in (ROOT / "compose.yaml").read_text()
    directory = play(root, **{f"h{n}__example__http": GOOD for n in range(75)})
    for file in directory.iterdir():
        os.truncate(file, 8 * 1024 * 1024)
    with pytest.raises(RecordingsUnusable, match=r"too large: 75 recordings need \d+\.\d MiB"):
        own_sites.check(directory)
