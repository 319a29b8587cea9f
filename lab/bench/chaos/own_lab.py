"""The lab that chaos attacks: a separate project, made from a copy of the tree, removed when the run is over.

A lab that a person has up is not touched, nor is the `.env` of the checkout.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import own_sites
from lab.bench.chaos.schedule import BAD, CHANGED, GOOD, HOSTS, LARGE, RECORDED
from lab.compose.stack import Say, Stack
from lab.compose.tree import copy_tree
from lab.docker import base_image, engine
from lab.settings import Settings, parse
from services.runtime.files.temporary import temporary_directory

PROJECT = "asynclab-chaos"
SETTINGS = {
    "HELLO_PORT": "0",
    "GATEWAY_PORT": "0",
    "WATCH_PORT": "0",
    "HELLO_DELAY_S": "0.01",  # so that a healthy client's time is the server's, not its sleep
    "HELLO_WORKERS": "2",
    "WORKERS": "1",  # what is killed is a service's only container
    "LAB_LOG": "text",
    "LAB_USER": "65532:65532",  # attacks run as a user who owns nothing
}
READABLE, ENTERED = 0o644, 0o755  # the sites have another uid
LARGE_RECORDINGS = 75
LARGE_BYTES = 8 << 20
HEAD = b"HTTP/1.1 200 OK\r\nServer: chaos\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Recordings:
    """The directory of recordings, in which one set of recordings replaces another."""

    directory: Path

    def put(self, kind: str, *, seed: int = 0) -> None:
        """Replace the set. The hosts that the healthy client asks are in each."""
        for file in self.directory.glob("extra-*"):
            file.unlink()
        body = random.Random(seed).randbytes(1_500).hex().encode("ascii")
        for host in (HOSTS[RECORDED], CHANGED):
            self._write(f"{host}.http", HEAD % len(body) + body)
        if kind == BAD:
            self._write("extra-bad.test.http", b"" if seed % 2 else b"no status line\r\n\r\n")
        if kind == LARGE:
            self._write_large()

    def _write(self, name: str, data: bytes) -> None:
        part = self.directory / f"{name}.part"
        part.write_bytes(data)
        part.chmod(READABLE)
        part.replace(self.directory / name)

    def _write_large(self) -> None:
        """Write one large recording and give it many names, so that it needs no 600 MiB of disk."""
        body_bytes = LARGE_BYTES - len(HEAD % LARGE_BYTES)
        first = self.directory / "extra-00.part"
        with first.open("wb") as file:
            file.write(HEAD % body_bytes)
            file.truncate(len(HEAD % body_bytes) + body_bytes)
        first.chmod(READABLE)
        for number in range(LARGE_RECORDINGS):
            os.link(first, self.directory / f"extra-{number:02}.test.http")


@contextmanager
def own_lab(say: Say, settings: Settings) -> Iterator[tuple[Stack, Recordings]]:
    """Start a lab for chaos alone and yield it when it is healthy; it is always taken down. Raises a LabError.

    `settings`: the checkout's, from which the engine and the base image come.
    """
    engine.ensure(say, settings)
    image = base_image.ensure(say, settings)
    with temporary_directory("lab-chaos-") as root:
        copy_tree(root)
        recordings = Recordings(root / own_sites.RECORDINGS)
        files = root / "files"
        for directory in (recordings.directory, files):
            directory.mkdir()
        for directory in (root, recordings.directory, files):
            directory.chmod(ENTERED)
        recordings.put(GOOD)
        variables = SETTINGS | {
            "LAB_RECORDINGS": str(recordings.directory),
            "BASE_IMAGE": image,
            "LAB_FILES": str(files),
        }
        if bundle := base_image.ca_bundle(settings):
            variables["CA_BUNDLE"] = str(bundle)
        stack = Stack(PROJECT, parse(root, {**settings.environ, **variables}, {}))
        try:
            stack.down()  # what an earlier run may have left
            stack.up(say)
            yield stack, recordings
        finally:
            say("Taking it down")
            stack.down()
