"""Where the recordings of one run go: `<host>.http` for one of each host, `<host>/NAME.http` for its others.

A host's own recording answers what no other is for, so the page at `/` is the best one, and else the first. One that is
there already stays, and the page at `/` then goes beside it; with --force, the page at `/` replaces it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from services.client.errors import FetchError
from services.client.record.files import CannotWrite, RecordingExists, files_of, refuse_existing, save
from services.client.record.provenance import Value
from services.client.record.request_match import RequestMatch
from services.runtime.files.regular import mode_of
from services.runtime.http import HOST_NAME

OF_A_MATCH = ("match", "sequence", "times")
REMEDY = "--force replaces it"
ENDINGS = (".http", ".toml")  # a directory with such a name would be taken for another host's recording


@dataclass(frozen=True, slots=True)
class Destination:
    """The files `name`.http and `name`.toml in `directory`; `keys` are what the sidecar says of the match."""

    directory: Path
    name: str
    keys: dict[str, Value]

    def refuse_existing(self) -> None:
        """Raise RecordingExists if a recording or a sidecar is there, CannotWrite if that cannot be seen."""
        try:
            refuse_existing(self.directory, self.name)
        except RecordingExists as error:
            raise RecordingExists(error.file, remedy=REMEDY) from error

    def save(self, raw: bytes, about: dict[str, Value], *, force: bool) -> Path:
        """Write a recording, and a sidecar that says this and the keys. Raises what `files.save` raises."""
        try:
            return save(self.directory, self.name, raw, self.keys | about, force=force, without=OF_A_MATCH)
        except RecordingExists as error:
            raise RecordingExists(error.file, remedy=REMEDY) from error


class Destinations:
    """Decides for each host, once, which request its own recording is for."""

    def __init__(self, directory: Path, *, force: bool) -> None:
        self._directory, self._force = directory, force
        self._own: dict[str, RequestMatch | None] = {}

    def prefer(self, requests: Iterable[tuple[str, RequestMatch]]) -> None:
        """Decide for the hosts of these requests, which are all that is known of them. Raises CannotWrite.

        Only GET is for a host's own recording, unless a host has nothing else.
        """
        by_host: dict[str, list[RequestMatch]] = {}
        for host, match in requests:
            by_host.setdefault(host, []).append(match)
        for host, matches in by_host.items():
            if host not in self._own:
                best = min(matches, key=lambda match: (not match.is_root, match.method != "GET"))
                self._own[host] = best if self._is_free(host) or (self._force and best.is_root) else None

    def is_own(self, host: str, match: RequestMatch) -> bool:
        """Return whether a request is the one that its host's own recording is for. Raises CannotWrite."""
        self.prefer([(host, match)])
        return self._own[host] == match

    def of(self, host: str, match: RequestMatch) -> Destination:
        """Return where the recording of a request goes. Raises CannotWrite."""
        if self.is_own(host, match):
            return Destination(self._directory, host, {})
        return self.beside(host, match)

    def beside(
        self, host: str, match: RequestMatch, *, sequence: int | None = None, times: int | None = None
    ) -> Destination:
        """Return where a recording beside the host's own goes; `sequence` and `times` as the sidecar has them."""
        keys: dict[str, Value] = {"match": match.table}
        if sequence is not None:
            keys["sequence"] = sequence
        if times is not None:
            keys["times"] = times
        follower = sequence is not None and sequence > 1
        return Destination(self._directory / host, f"{match.name}__{sequence}" if follower else match.name, keys)

    def save(self, host: str, match: RequestMatch, *, raw: bytes, about: dict[str, Value]) -> Path:
        """Write the one recording of a request, and return where it is. Raises what `Destination.save` raises."""
        destination = self.of(host, match)
        where = destination.save(raw, about, force=self._force)
        if self._force:
            self.remove_older(host, match, beside=1 if destination.keys else 0)
        return where

    def remove_older(self, host: str, match: RequestMatch, *, beside: int) -> None:
        """Remove the recordings of an earlier run for a request that has now `beside` of them beside its host's own.

        They are further answers of a sequence, which would follow those of this run, or come before the host's own.
        Raises CannotWrite.
        """
        for sequence in count(beside + 1):
            destination = self.beside(host, match, sequence=sequence)
            sidecar, recording = files_of(destination.directory, destination.name)
            if not exists(recording) and not exists(sidecar):
                return
            for file in (recording, sidecar):  # in this order: without its sidecar, a recording is for every request
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    raise CannotWrite(file, error.strerror or str(error)) from error

    def _is_free(self, host: str) -> bool:
        return not any(map(exists, files_of(self._directory, host)))


def exists(file: Path) -> bool:
    """Return whether there is a file, or anything else, of that name. Raises CannotWrite where that cannot be seen."""
    try:
        return mode_of(file, follow=False) is not None
    except OSError as error:
        raise CannotWrite(file.parent, error.strerror or str(error)) from error


def check_host(host: str) -> None:
    """Raise FetchError (usage) for a host that no directory of recordings can be named after."""
    if not HOST_NAME.fullmatch(host) or host.endswith(ENDINGS):
        raise FetchError("usage", f"{host[:60]!r} is not a host name to record under")
