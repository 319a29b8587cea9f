"""Getting a recording onto the disk: whole or not at all, and never over another one unless told to.

`<host>.http` and `<host>.toml` are both written beside their places and then moved into them; a reader sees the old
file or the new one. What a sidecar says beside that (a fault plan perhaps) is a person's work, and is kept.
"""

import errno
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import tomli_w

from services.client.record.provenance import Value
from services.runtime.errors import ProgramError
from services.runtime.files.ownership import make_directory, owner_of, set_owner
from services.runtime.files.regular import mode_of, read_regular
from services.runtime.untrusted import BadTOML, parse_toml

# Others read it, whatever the umask: a site in a container runs as a user of its own.
MODE, DIRECTORY_MODE = 0o644, 0o755
WITHOUT_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP}  # FAT, some shared folders
MAX_SIDECAR_BYTES = 1024 * 1024


class RecordingExists(ProgramError):
    """There is a recording of that host already."""

    exit_code = 3

    def __init__(self, file: Path, *, remedy: str = "--force replaces it, --name records under another name") -> None:
        super().__init__(f"{file} is there already: {remedy}")
        self.file = file


class CannotWrite(ProgramError):
    """A recording, or its directory, cannot be written."""

    exit_code = 3

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"cannot write {file} ({reason}): choose a directory with -o, or -o - for standard output")
        self.file, self.reason = file, reason


class SidecarBroken(ProgramError):
    """The sidecar that is to be kept cannot be read."""

    exit_code = 3

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} {reason}: correct it or remove it")
        self.file, self.reason = file, reason


def refuse_unwritable(directory: Path) -> None:
    """Raise CannotWrite if no recording can be made in a directory, which need not be there yet."""
    try:
        there = next(each for each in (directory, *directory.parents) if each.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise CannotWrite(directory, error.strerror or str(error)) from error


def refuse_existing(directory: Path, name: str) -> None:
    """Raise RecordingExists if a recording or a sidecar of that name is there, CannotWrite if that cannot be seen."""
    for file in files_of(directory, name):
        try:
            mode = mode_of(file, follow=False)
        except OSError as error:
            raise CannotWrite(directory, error.strerror or str(error)) from error
        if mode is not None:
            raise RecordingExists(file)


def files_of(directory: Path, name: str) -> tuple[Path, Path]:
    """Return where the sidecar and the recording of a host are."""
    return directory / f"{name}.toml", directory / f"{name}.http"


def save(
    directory: Path,
    name: str,
    raw: bytes,
    about: dict[str, Value],
    *,
    force: bool,
    without: Collection[str] = (),
) -> Path:
    """Write a recording and its sidecar, and return where the recording is.

    `about`: keys and tables of the sidecar; `without`: keys that are not kept of a sidecar that is replaced.
    Raises RecordingExists (unless `force`), SidecarBroken or CannotWrite; what was there is then still there.
    """
    sidecar, recording = files_of(directory, name)
    tables = tables_of(sidecar) if force else {}
    tables = {key: value for key, value in tables.items() if key not in without} | about
    try:
        make_directory(directory, mode=DIRECTORY_MODE)
    except OSError as error:
        raise CannotWrite(directory, error.strerror or str(error)) from error
    try:
        with written(sidecar, tomli_w.dumps(tables).encode()) as said, written(recording, raw) as came:
            put(said, sidecar, force=force)
            try:
                put(came, recording, force=force)
            except OSError:
                if not force:
                    sidecar.unlink()  # it was made a moment ago, for a recording that is not there
                raise
    except FileExistsError as error:
        raise RecordingExists(recording) from error
    except OSError as error:
        raise CannotWrite(recording, error.strerror or str(error)) from error
    return recording


def tables_of(sidecar: Path) -> dict[str, object]:
    """Return what a sidecar says, nothing if there is none."""
    try:
        text = read_regular(sidecar, most=MAX_SIDECAR_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SidecarBroken(sidecar, f"cannot be read ({error.strerror or error})") from error
    if len(text) > MAX_SIDECAR_BYTES:
        raise SidecarBroken(sidecar, f"has more than {MAX_SIDECAR_BYTES:,} bytes")
    try:
        return parse_toml(text)
    except BadTOML as error:
        raise SidecarBroken(sidecar, str(error)) from error


@contextmanager
def written(file: Path, content: bytes) -> Iterator[Path]:
    """Give a file with this content beside the place that it is for; unless it is moved there, it will be removed."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(number)
            os.fchmod(number, MODE)
            set_owner(number, owner_of(file))
        yield part
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, file: Path, *, force: bool) -> None:
    """Move a file to its place. Raises FileExistsError where one is there, unless `force`."""
    if force:
        part.replace(file)
    else:
        place(part, file)


def place(part: Path, file: Path) -> None:
    """Give a file its name, which must be free: a link refuses to replace, where a rename would."""
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        part.replace(file)
