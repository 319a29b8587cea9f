"""A change that fails leaves the lab as it was: settings and recordings are checked before any container is touched."""

import http.client
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from lab.compose.errors import ComposeRefused, LabNotHealthy, PortTaken
from lab.compose.stack import Stack
from lab.errors import RecordingsUnusable
from services.runtime.errors import BadSetting
from tests.docker.lifecycle.test_lifecycle import BROKEN, own_tree
from tests.stacks import reread

__all__ = ["own_tree"]  # a fixture


def refuse_port(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """Want a port that another program has."""
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("HELLO_PORT", str(taken.getsockname()[1]))
    return taken


def record(stack: Stack, name: str, content: bytes, mode: int = 0o644, directory: str = "recordings") -> Path:
    """Put a file into the tree's recordings."""
    file = stack.root / directory / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)
    return file


def record_elsewhere(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a directory of recordings whose name is no text."""
    name = os.fsdecode(b"r\xff")
    record(stack, "a.example.http", GOOD, directory=name)
    monkeypatch.setenv("LAB_RECORDINGS", name)


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Spoil = Callable[[Stack, pytest.MonkeyPatch], object]
MISTAKES: dict[str, tuple[Spoil, type[Exception], str]] = {
    "a port that is taken": (refuse_port, PortTaken, "is in use"),
    "a setting of hello": (
        lambda _, patch: patch.setenv("HELLO_DELAY_S", "soon"),
        BadSetting,
        "HELLO_DELAY_S='soon' is not a number from 0 to 3600",
    ),
    "a setting of all": (lambda _, patch: patch.setenv("LAB_LOOP", "trio"), BadSetting, "LAB_LOOP='trio'"),
    "a port that is none": (lambda _, patch: patch.setenv("HELLO_PORT", "abc"), ComposeRefused, "abc"),
    "an interval that is none": (lambda _, patch: patch.setenv("HEALTH_INTERVAL", "fast"), ComposeRefused, "fast"),
    "an interval that the engine refuses": (
        lambda _, patch: patch.setenv("HEALTH_INTERVAL", "1us"),
        ComposeRefused,
        "Interval in Healthcheck",
    ),
    "a recording": (
        lambda stack, _: record(stack, "a.example.http", b""),
        RecordingsUnusable,
        "a.example.http: is empty",
    ),
    "a recording of the lab's own host": (
        lambda stack, _: record(stack, "www.163.com.http", b"junk\n"),
        RecordingsUnusable,
        "www.163.com.http",
    ),
    "a recording that has the name of a service": (
        lambda stack, _: record(stack, "broker.http", GOOD),
        RecordingsUnusable,
        "holds recordings of broker, which is the name of a service",
    ),
    "a sidecar": (
        lambda stack, _: (record(stack, "a.example.http", GOOD), record(stack, "a.example.toml", b"x = 1\n")),
        RecordingsUnusable,
        "a.example.toml",
    ),
    "a fault that a shared port cannot have": (
        lambda stack, _: (
            record(stack, "a.example.http", GOOD),
            record(stack, "a.example.toml", b'[[faults]]\nfault = "refuse"\n'),
        ),
        RecordingsUnusable,
        "refuse cannot be",
    ),
    "a recording that sites may not read": (
        lambda stack, _: record(stack, "a.example.http", GOOD, mode=0o600),
        RecordingsUnusable,
        "Permission denied",
    ),
    "a directory in another alphabet's bytes": (
        record_elsewhere,
        RecordingsUnusable,
        "cannot be named in a Compose file",
    ),
    "code that does not start": (
        lambda stack, _: (stack.root / "services/hello/__main__.py").write_text(BROKEN),
        LabNotHealthy,
        "hello",
    ),
    "packages that are not there": (
        lambda stack, _: (stack.root / "requirements/hello.txt").write_text("nonesuch-of-asynclab==1\n"),
        ComposeRefused,
        "building the images",
    ),
}


@pytest.mark.timeout(600)
def test_a_change_that_fails_leaves_the_lab_as_it_was(own_tree: Stack, spoiling: "Mistakes") -> None:
    """Settings are checked before any change; a service that was replaced is started again as before."""
    reread(own_tree).up(print)
    before = images_of(own_tree)
    files = remembered(own_tree)
    for name, (spoil, error, words) in MISTAKES.items():
        with spoiling(own_tree) as patch:
            held = spoil(own_tree, patch)
            with pytest.raises(error, match=words) as caught:
                reread(own_tree).up(print)
            assert str(caught.value).isprintable(), name
            if isinstance(held, socket.socket):
                held.close()
        assert images_of(own_tree) == before, name
        assert remembered(own_tree) == files, name
        assert hello_answers(own_tree), name
    reread(own_tree).up(print)
    assert images_of(own_tree) == before


def hello_answers(stack: Stack) -> bool:
    """Return whether hello does, at the port of this machine that it is published at."""
    at = stack.run_compose("port", "gateway", "8000").stdout.strip()
    with closing(http.client.HTTPConnection(at, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK


def images_of(stack: Stack) -> dict[str, tuple[str, bool]]:
    """Return the image of each service, and whether it is healthy."""
    return {each.service: (each.image, each.is_healthy) for each in stack.services()}


def remembered(stack: Stack) -> dict[str, str | None]:
    """Return what the lab keeps for the next time."""
    files = (stack.root / ".env", stack.root / "build/compose.recordings.yaml")
    return {file.name: file.read_text() if file.exists() else None for file in files}


Mistakes = Callable[[Stack], AbstractContextManager[pytest.MonkeyPatch]]


@pytest.fixture
def spoiling() -> Mistakes:
    """Return a context in which a tree and the environment may be spoilt; afterwards they are as before."""

    @contextmanager
    def inside(stack: Stack) -> Iterator[pytest.MonkeyPatch]:
        kept = {
            stack.root / name: (stack.root / name).read_bytes()
            for name in ("services/hello/__main__.py", "requirements/hello.txt")
        }
        with pytest.MonkeyPatch.context() as patch:
            yield patch
        for file, data in kept.items():
            file.write_bytes(data)
        for directory in stack.root.iterdir():
            if directory.name.startswith("r") and directory.name != "requirements":
                shutil.rmtree(directory)

    return inside
