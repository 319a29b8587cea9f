"""The directory of recordings: every file read and checked, and watched for changes while the site runs.

A set of recordings is taken whole or not at all: one that cannot be played keeps the set that is played, and its file
and reason are what /readyz says until the file is corrected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from services.runtime.http import HOST_NAME
from services.runtime.playable import MAX_RECORDING_BYTES, MAX_RECORDINGS, Unplayable
from services.runtime.process import MIB
from services.sites.faults.plan import misplaced
from services.sites.replay.files import BadRecording, HostFiles, RecordingFile, Stamps, files_by_host, read_file
from services.sites.replay.order import SameMatch, in_order
from services.sites.replay.recording import Recording, read_recording, unmatched
from services.sites.replay.sidecar import MAX_SIDECAR_BYTES, NOTHING_SAID, read_sidecar


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

    `own`: a person's own directory, whose recordings come before those; it need not be there. Of a host, its own
    recording and the directory of the others come before those each for itself. `room_bytes`: what all
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
        self._read: dict[RecordingFile, tuple[Stamps, Recording]] = {}
        self._seen: dict[RecordingFile, Stamps] | str | None = None  # text: why there was nothing to see

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
        if not seen and not self.without:  # a site for hosts that others do not play need not have one
            raise BadRecording(self.directory, "holds no recording (*.http)")
        if len(seen) > MAX_RECORDINGS:
            raise BadRecording(self.directory, f"holds {len(seen)} recordings, and {MAX_RECORDINGS} is the limit")
        refuse_twins(seen)
        self._read = self._read_all(seen)
        return by_host({file: recording for file, (_stamps, recording) in self._read.items()})

    def _read_all(self, seen: Mapping[RecordingFile, Stamps]) -> dict[RecordingFile, tuple[Stamps, Recording]]:
        read: dict[RecordingFile, tuple[Stamps, Recording]] = {}
        least = {file: self._least_bytes(file, stamps) for file, stamps in seen.items()}
        need_bytes = sum(least.values())
        self._check_room(len(seen), need_bytes)
        for file, stamps in seen.items():
            read[file] = self._current(file, stamps)
            need_bytes += read[file][1].held_bytes - least[file]
            self._check_room(len(seen), need_bytes)
        return read

    def _least_bytes(self, file: RecordingFile, stamps: Stamps) -> int:
        known = self._read.get(file)
        if known and known[0] == stamps:
            return known[1].held_bytes
        plays_all = stamps[1] is None  # a sidecar may say that the body is not played
        return stamps[0].bytes if stamps[0] and plays_all else 0

    def _check_room(self, count: int, need_bytes: int) -> None:
        if self.room_bytes is not None and need_bytes > self.room_bytes:
            raise TooLarge(self.directory, count, need_bytes, self.room_bytes)

    def _look(self) -> dict[RecordingFile, Stamps]:
        found = dict(files_by_host(self.directory))
        for host, files in files_by_host(self.own).items() if self.own else ():
            found[host] = files.or_else(found.get(host, HostFiles()))
        if self.hosts:
            found = {host: found.get(host) or self._missing(host) for host in self.hosts}
        hosts = [found[host] for host in sorted(found) if host not in self.without]
        return {file: file.stamps() for files in hosts for file in (*files.own, *files.others)}

    def _missing(self, host: str) -> HostFiles:
        """Return the file that a host should have: to read it says that it is not there."""
        return HostFiles((RecordingFile(self.directory / f"{host}.http"),))

    def _current(self, file: RecordingFile, stamps: Stamps) -> tuple[Stamps, Recording]:
        known = self._read.get(file)
        return known if known and known[0] == stamps else (stamps, load_recording(file))


def refuse_twins(files: Iterable[RecordingFile]) -> None:
    """Raise BadRecording for two own recordings of one host, of which one would win silently."""
    hosts: dict[str, RecordingFile] = {}
    for file in files:
        if file.of_host:
            continue
        other = hosts.setdefault(file.host, file)
        if other is not file:
            raise file.bad(f"is the same host as {other.path.name}, since names have no case: keep one of them")


def by_host(recordings: Mapping[RecordingFile, Recording]) -> dict[str, Recording]:
    """Return the own recording of each host, with its others in order. Raises BadRecording."""
    own = {file.host: recording for file, recording in recordings.items() if not file.of_host}
    others: dict[str, list[RecordingFile]] = {}
    for file in recordings:
        if file.of_host:
            others.setdefault(file.of_host, []).append(file)
    for host, files in others.items():
        try:
            ordered = in_order(recordings[file] for file in files)
        except SameMatch as error:
            (file,) = (file for file in files if recordings[file] is error.recording)
            raise file.bad(str(error)) from error
        own[host] = replace(own.get(host) or unmatched(host), others=ordered)
    return own


def load_recording(file: RecordingFile | Path) -> Recording:
    """Read a recording and its sidecar. Raises BadRecording."""
    file = file if isinstance(file, RecordingFile) else RecordingFile(file)
    if not HOST_NAME.fullmatch(file.host):
        raise file.bad("its name is not a host name followed by .http")
    raw = read_part(file, MAX_RECORDING_BYTES)
    if raw is None:
        raise file.bad("No such file or directory")
    said = read_part(file, MAX_SIDECAR_BYTES, sidecar=True)
    try:
        sidecar = NOTHING_SAID if said is None else read_sidecar(said, of_host=not file.of_host)
    except ValueError as error:
        raise file.bad(str(error), sidecar=True) from error
    try:
        recording = read_recording(file.host, raw, sidecar, name=file.path.name)
    except Unplayable as error:
        raise file.bad(str(error)) from error
    for problem in misplaced(sidecar.plan, head_bytes=len(recording.head)):
        raise file.bad(str(problem), sidecar=True)
    return recording


def read_part(file: RecordingFile, most: int, *, sidecar: bool = False) -> bytes | None:
    """Return the bytes of a recording or of its sidecar; None where there is none. Raises BadRecording."""
    try:
        return read_file(file.sidecar if sidecar else file.path, most)
    except OSError as error:
        raise file.bad(error.strerror or str(error), sidecar=sidecar) from error
