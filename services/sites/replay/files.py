"""The files of recordings: where those of each host are, and what shows that one has changed.

recordings/www.163.com.http         the host's own recording
recordings/www.163.com.toml         its sidecar
recordings/www.163.com/login.http   another one of the host, for the requests that login.toml says
recordings/www.163.com/login.toml
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from services.runtime.files.regular import read_regular
from services.runtime.http import HOST_NAME
from services.runtime.playable import is_recording

OTHER_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}\.http")
MAX_OTHERS = 1000  # of a host: each request may be compared with all of them


class BadRecording(Exception):
    """A recording cannot be played; the text names the file and the reason."""

    def __init__(self, file: Path, reason: str, *, of_host: str = "") -> None:
        super().__init__(f"{of_host}/{file.name}: {reason}" if of_host else f"{file.name}: {reason}")
        self.file, self.reason = file, reason


class Stamp(NamedTuple):
    """What changes with a file, or with the permission to read it."""

    changed_ns: int
    status_changed_ns: int
    bytes: int
    inode: int
    mode: int


Stamps = tuple[Stamp | None, Stamp | None]
"""Those of a recording and of its sidecar."""


class RecordingFile(NamedTuple):
    """A recording's file; `of_host`: the host whose directory it is in, empty for a host's own recording."""

    path: Path
    of_host: str = ""

    @property
    def host(self) -> str:
        """The host that it is a response of: for its own recording, the file's name without `.http`."""
        return self.of_host or self.path.name.removesuffix(".http").lower()

    @property
    def sidecar(self) -> Path:
        """Where its sidecar is, if it has one."""
        return self.path.with_suffix(".toml")

    def stamps(self) -> Stamps:
        """Return the stamps of now."""
        return stamp(self.path), stamp(self.sidecar)

    def bad(self, reason: str, *, sidecar: bool = False) -> BadRecording:
        """Return the error of this recording, or of its sidecar."""
        return BadRecording(self.sidecar if sidecar else self.path, reason, of_host=self.of_host)


@dataclass(frozen=True, slots=True)
class HostFiles:
    """The files of a host: its own recording (two where their names differ in case alone), and the others."""

    own: tuple[RecordingFile, ...] = ()
    others: tuple[RecordingFile, ...] = ()

    def or_else(self, usual: "HostFiles") -> "HostFiles":
        """Return these files, and the usual ones where there are none of a kind."""
        return HostFiles(self.own or usual.own, self.others or usual.others)


def files_by_host(directory: Path) -> Mapping[str, HostFiles]:
    """Return the recordings in a directory; one that is not there has none.

    Raises BadRecording for a directory that cannot be read, or that has recordings and no name of a host.
    """
    own: dict[str, list[RecordingFile]] = {}
    others: dict[str, tuple[RecordingFile, ...]] = {}
    for name, is_directory in entries(directory):
        if is_recording(name):
            file = RecordingFile(directory / name)
            own.setdefault(file.host, []).append(file)
        elif is_directory and (found := others_in(directory / name)):
            if name.lower() in others:
                raise BadRecording(directory / name, "is the same host as another, since names have no case: keep one")
            others[name.lower()] = found
    return {host: HostFiles(tuple(own.get(host, ())), others.get(host, ())) for host in own.keys() | others.keys()}


def others_in(directory: Path) -> tuple[RecordingFile, ...]:
    """Return the recordings in the directory of a host; one that is neither a host's nor readable has none.

    Raises BadRecording.
    """
    host = directory.name.lower()
    is_host = HOST_NAME.fullmatch(host) is not None
    try:
        names = [name for name, _is_directory in entries(directory) if is_recording(name)]
    except BadRecording:
        if is_host:
            raise
        return ()
    if names and not is_host:
        raise BadRecording(directory, "holds recordings, and its name is not a host name")
    found = tuple(RecordingFile(directory / name, host) for name in names)
    if len(found) > MAX_OTHERS:
        raise BadRecording(directory, f"holds {len(found):,} recordings, and {MAX_OTHERS:,} is the limit")
    for file in found:
        if not OTHER_NAME.fullmatch(file.path.name):
            raise file.bad("its name is not letters, digits, dots, hyphens and underscores, followed by .http")
    return found


def entries(directory: Path) -> Iterator[tuple[str, bool]]:
    """Give the names in a directory, in order, and whether each is a directory. Raises BadRecording."""
    try:
        with os.scandir(directory) as found:
            yield from sorted((entry.name, entry.is_dir()) for entry in found if not entry.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        reason = f"cannot be read ({error.strerror}): let other users read it (chmod a+rx)"
        raise BadRecording(directory, reason) from error


def stamp(file: Path) -> Stamp | None:
    """Return a file's stamp; None where there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)


def read_file(file: Path, most: int) -> bytes | None:
    """Return a file's bytes, one more than `most` at the most; None where it does not exist. Raises OSError."""
    try:
        return read_regular(file, most=most)
    except FileNotFoundError:
        return None
