"""Your own sites: a directory of recordings, each of which becomes a site of the lab under its name.

`lab record` writes into this directory, and the embedded lab plays what is in it. For the lab in containers
`lab.compose.override` tells Compose about it; `check` finds beforehand what the sites could not play.

A recording of a host that the lab has anyway (www.163.com) replaces that one: its service plays your bytes.
"""

import os
import shlex
import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.errors import RecordingsUnusable
from lab.settings import Settings
from services.runtime.files.regular import mode_of
from services.runtime.http import HOST_NAME
from services.runtime.playable import MAX_RECORDINGS, is_recording
from services.runtime.terminal import printable

RECORDINGS = "recordings"
SITES_ID = 65532  # uid and gid of every service
SITE_MEMORY_BYTES = 512 * 1024 * 1024  # as compose.yaml has it
REMEDY = "correct it or leave it out"
BROUGHT_ALONG = {"www.sina.com.cn": "sina", "www.sohu.com": "sohu", "www.163.com": "netease"}


def directory(settings: Settings) -> Path:
    """Return where a person's recordings are: LAB_RECORDINGS, else `recordings/`.

    It need not be there: `lab record` makes it. Raises RecordingsUnusable.
    """
    path = Path(settings.recordings or RECORDINGS)
    try:
        return settings.root / path.expanduser()
    except RuntimeError as error:  # a home directory of a user who does not exist
        raise RecordingsUnusable(
            path, "is in the home directory of a user who does not exist, and LAB_RECORDINGS names it", REMEDY
        ) from error


def to_play(settings: Settings) -> Path:
    """Return `directory` for a lab that is to play what is in it.

    The usual directory need not be there. One that LAB_RECORDINGS names must be: otherwise a typing mistake would give
    a lab without the sites that were meant, and no message. Raises RecordingsUnusable.
    """
    found = directory(settings)
    if settings.recordings and (what := why_unusable(found)):
        raise RecordingsUnusable(found, f"{what}, and LAB_RECORDINGS names it", REMEDY)
    return found


def why_unusable(path: Path) -> str:
    """Return why a path is no directory that can be used; nothing if it is one."""
    try:
        mode = mode_of(path)
    except OSError as error:  # a name that is too long, for example
        return f"cannot be read ({error.strerror})"
    if mode is None:
        return "does not exist"
    return "" if stat.S_ISDIR(mode) else "is not a directory"


def hosts(recorded: Path) -> list[str]:
    """Return the hosts that are recorded in a directory, in order; none if it is not there.

    A host has a recording by its name, or a directory of recordings by its name, or both.

    Raises RecordingsUnusable for what cannot be read, and for a file whose name is no host name: it would be a name in
    the lab's network.
    """
    try:
        found = sorted(recorded.iterdir())
        files = [path.name for path in found if is_recording(path.name)]
        directories = [path.name for path in found if not is_recording(path.name) and others(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = "let yourself and the sites read it (chmod a+rx), or name another in LAB_RECORDINGS"
        raise RecordingsUnusable(recorded, f"cannot be read ({error.strerror})", remedy) from error
    for name in (*files, *(f"{directory}.http" for directory in directories)):
        if not HOST_NAME.fullmatch(name.removesuffix(".http")):
            shown = printable(name.encode("utf-8", "replace").decode("utf-8"))[:80]
            raise RecordingsUnusable(
                recorded, f"holds {shown!r}, which is not a host name in lower case followed by .http", "rename it"
            )
    if len(files) > MAX_RECORDINGS:
        raise RecordingsUnusable(recorded, f"holds {len(files):,} recordings", f"{MAX_RECORDINGS:,} is the limit")
    return sorted({*(name.removesuffix(".http") for name in files), *directories})


def others(directory: Path) -> list[Path]:
    """Return the recordings in the directory of a host, in order; none in one that has no name of a host.

    Raises RecordingsUnusable for the directory of a host that cannot be read: its host would be left out in silence.
    """
    try:
        if directory.name.startswith(".") or not directory.is_dir():
            return []
        return sorted(path for path in directory.iterdir() if is_recording(path.name))
    except OSError as error:
        if not HOST_NAME.fullmatch(directory.name):
            return []
        remedy = f"chmod a+rx {shlex.quote(str(directory))}"
        raise RecordingsUnusable(directory, f"cannot be read ({error.strerror})", remedy) from error


def check(recorded: Path) -> None:
    """Read what is recorded as the sites will that are to play it, each its own part.

    Raises RecordingsUnusable for the first file that they could not read or play.
    """
    found = hosts(recorded)
    if not found:
        return
    from services.sites.faults.plan import BadPlan
    from services.sites.replay.directory import RecordingDirectory, TooLarge
    from services.sites.replay.files import BadRecording
    from services.sites.settings import SitesSettings
    from services.sites.site import Site

    check_path(recorded)
    check_readable(recorded, found)
    contained = SitesSettings(directory=recorded, memory_bytes=SITE_MEMORY_BYTES)
    parts = [replace(contained, hosts=(host,)) for host in found if host in BROUGHT_ALONG]
    if any(host not in BROUGHT_ALONG for host in found):
        parts.append(replace(contained, without=tuple(BROUGHT_ALONG)))
    for part in parts:
        site = Site(part)
        room_bytes = site.budget.recordings_room
        try:
            site.adopt(
                RecordingDirectory(part.directory, part.hosts, without=part.without, room_bytes=room_bytes).load()
            )
        except TooLarge as error:
            raise RecordingsUnusable(recorded, f"is {error.what}", error.remedy) from error
        except (BadRecording, BadPlan) as error:
            raise RecordingsUnusable(recorded, f"cannot be played: {error}", "correct or remove it") from error


def check_path(recorded: Path) -> None:
    """Raise RecordingsUnusable for a path that cannot be told to Compose."""
    text = str(recorded.resolve())
    if not text.isprintable():  # a line end, or bytes that are no UTF-8
        shown = Path(ascii(text)[1:-1])
        raise RecordingsUnusable(shown, "cannot be named in a Compose file", "give it a plain name in UTF-8")


def check_readable(recorded: Path, found: Sequence[str]) -> None:
    """Raise RecordingsUnusable for what the uid of the sites may not read: in a container it has no other rights."""
    if not sys.platform.startswith("linux"):
        return  # Docker's own machine there shares files as the person
    recordings = [recorded / f"{host}.http" for host in found]
    directories = [recorded / host for host in found if others(recorded / host)]
    recordings += [file for directory in directories for file in others(directory)]
    sidecars = [file.with_suffix(".toml") for file in recordings]
    for file in (recorded, *directories, *recordings, *sidecars):
        try:
            status = file.stat()
        except OSError:
            continue  # a sidecar that is not there, or what the site's own reader has the words for
        needed = 0o5 if stat.S_ISDIR(status.st_mode) else 0o4
        if stat.S_IMODE(status.st_mode) & needed != needed and not may_read_otherwise(file, status):
            remedy = f"chmod a+r{'x' if needed & 1 else ''} {shlex.quote(str(file))}"
            raise RecordingsUnusable(file, "is not readable for the sites (Permission denied)", remedy)


def may_read_otherwise(file: Path, status: os.stat_result) -> bool:
    """Return whether a file is the sites' own, or has a list of who else may read it."""
    if SITES_ID in (status.st_uid, status.st_gid):
        return True
    try:
        return "system.posix_acl_access" in os.listxattr(file)
    except OSError:
        return False
