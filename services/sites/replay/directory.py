"""The directory of recordings: every file read and checked, and watched for changes while the site runs.

A set of recordings is taken whole or not at all: one that cannot be played keeps the set that is played, and its file
and reason are what /readyz says until the file is corrected.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from services.runtime.files.regular import read_regular
from services.runtime.http import HOST_NAME
from services.runtime.playable import MAX_RECORDING_BYTES, MAX_RECORDINGS, Unplayable, is_recording
from services.runtime.process import MIB
from services.sites.faults.plan import misplaced
from services.sites.replay.recording import Recording, read_recording
from services.sites.replay.sidecar import MAX_SIDECAR_BYTES, NOTHING_SAID, read_sidecar


class Stamp(NamedTuple):
    """The properties of a file that change with it, or with the permission to read it."""

    changed_ns: int
    status_changed_ns: int
    bytes: int
    inode: int
    mode: int


Stamps = tuple[Stamp | None, Stamp | None]


class BadRecording(Exception):
    """A recording cannot be played; the text names the file and the reason."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file.name}: {reason}")
        self.file, self.reason = file, reason


class TooLarge(BadRecording):
    """A set of recordings needs more memory than there is for one; the text says how much, and for how many."""

    def __init__(self, directory: Path, count: int, need_bytes: int, room_bytes: int) -> None:
        self.what = (
            f"too large: {count:,} recordings need {need_bytes / MIB:,.1f} MiB, "
            f"and this site has room for {room_bytes / MIB:,.1f} MiB"
        )
        self.remedy = "play fewer, or smaller ones"
        super().__init__(directory, f"{self.what}: {self.remedy}")
        self.count, self.need_bytes, self.room_bytes = count, need_bytes, room_bytes


class RecordingDirectory:
    """The recordings of a directory: those of `hosts`, or all but `without`. What has not changed is not read again.

    `own`: a person's own directory, whose recordings come before those; it need not be there. `room_bytes`: what all
    of them may take in memory, None for as much as it is.
    """

    def __init__(
        self,
        directory: Path,
        hosts: tuple[str, ...] = (),
        *,
        without: tuple[str, ...] = (),
        own: Path | None = None,
        room_bytes: int | None = None,
    ) -> None:
        self.directory = directory
        self.hosts = hosts
        self.without = without
        self.own = own
        self.room_bytes = room_bytes
        self._read: dict[Path, tuple[Stamps, Recording]] = {}
        self._seen: dict[Path, Stamps] | str | None = None  # text: why there was nothing to see

    def changed(self) -> bool:
        """Return whether anything differs from when the files were last looked at. Blocks: call it in a thread."""
        try:
            return self._look() != self._seen
        except BadRecording as error:
            return str(error) != self._seen

    def load(self) -> Mapping[str, Recording]:
        """Return the recordings by host. Blocks.

        Raises BadRecording for the first that cannot be played, TooLarge for a set that there is no room for.
        """
        try:
            seen = self._seen = self._look()
        except BadRecording as error:
            self._seen = str(error)
            raise
        if not seen:
            raise BadRecording(self.directory, "holds no recording (*.http)")
        if len(seen) > MAX_RECORDINGS:
            raise BadRecording(self.directory, f"holds {len(seen)} recordings, and {MAX_RECORDINGS} is the limit")
        refuse_twins(seen)
        self._read = self._read_all(seen)
        return {recording.host: recording for _stamps, recording in self._read.values()}

    def _read_all(self, seen: Mapping[Path, Stamps]) -> dict[Path, tuple[Stamps, Recording]]:
        read: dict[Path, tuple[Stamps, Recording]] = {}
        least = {file: self._least_bytes(file, stamps) for file, stamps in seen.items()}
        need_bytes = sum(least.values())
        self._check_room(len(seen), need_bytes)
        for file, stamps in seen.items():
            read[file] = self._current(file, stamps)
            need_bytes += read[file][1].held_bytes - least[file]
            self._check_room(len(seen), need_bytes)
        return read

    def _least_bytes(self, file: Path, stamps: Stamps) -> int:
        known = self._read.get(file)
        if known and known[0] == stamps:
            return known[1].held_bytes
        plays_all = stamps[1] is None  # a sidecar may say that the body is not played
        return stamps[0].bytes if stamps[0] and plays_all else 0

    def _check_room(self, count: int, need_bytes: int) -> None:
        if self.room_bytes is not None and need_bytes > self.room_bytes:
            raise TooLarge(self.directory, count, need_bytes, self.room_bytes)

    def _look(self) -> dict[Path, Stamps]:
        found = by_host(self.directory)
        if self.own:
            found |= by_host(self.own)
        if self.hosts:
            found = {host: found.get(host, [self.directory / f"{host}.http"]) for host in self.hosts}
        files = [file for host in sorted(found) if host not in self.without for file in found[host]]
        return {file: (stamp(file), stamp(file.with_suffix(".toml"))) for file in files}

    def _current(self, file: Path, stamps: Stamps) -> tuple[Stamps, Recording]:
        known = self._read.get(file)
        return known if known and known[0] == stamps else (stamps, load_recording(file))


def by_host(directory: Path) -> dict[str, list[Path]]:
    """Return the recordings of each host: two only where their names differ in case. No directory has none.

    Raises BadRecording for a directory that cannot be read.
    """
    found: dict[str, list[Path]] = {}
    try:
        for file in sorted(directory.iterdir()):
            if is_recording(file.name):
                found.setdefault(host_of(file), []).append(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = f"cannot be read ({error.strerror}): let other users read it (chmod a+rx)"
        raise BadRecording(directory, reason) from error
    return found


def host_of(file: Path) -> str:
    """Return the host whose recording a file is: its name without `.http`."""
    return file.name.removesuffix(".http").lower()


def refuse_twins(files: Iterable[Path]) -> None:
    """Raise BadRecording for two files of one host, of which one would win silently."""
    hosts: dict[str, Path] = {}
    for file in files:
        other = hosts.setdefault(host_of(file), file)
        if other is not file:
            raise BadRecording(file, f"is the same host as {other.name}, since names have no case: keep one of them")


def stamp(file: Path) -> Stamp | None:
    """Return a file's stamp; None where there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)


def load_recording(file: Path) -> Recording:
    """Read a recording and its sidecar. Raises BadRecording."""
    host = host_of(file)
    if not HOST_NAME.fullmatch(host):
        raise BadRecording(file, "its name is not a host name followed by .http")
    beside = file.with_suffix(".toml")
    raw, said = read_file(file, MAX_RECORDING_BYTES), None
    if raw is None:
        raise BadRecording(file, "No such file or directory")
    said = read_file(beside, MAX_SIDECAR_BYTES)
    try:
        sidecar = NOTHING_SAID if said is None else read_sidecar(said)
    except ValueError as error:
        raise BadRecording(beside, str(error)) from error
    try:
        recording = read_recording(host, raw, sidecar)
    except Unplayable as error:
        raise BadRecording(file, str(error)) from error
    for problem in misplaced(sidecar.plan, head_bytes=len(recording.head)):
        raise BadRecording(beside, str(problem))
    return recording


def read_file(file: Path, most: int) -> bytes | None:
    """Return a file's bytes, one more than `most` at the most; None where it does not exist. Raises BadRecording."""
    try:
        return read_regular(file, most=most)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadRecording(file, error.strerror or str(error)) from error
