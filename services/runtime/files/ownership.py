"""The owner of files that a program writes into a person's directories: that person, also where root runs the program.

A file that root makes gets the owner of its directory; a file that is replaced keeps its owner and its mode. A file is
written completely or not at all.
"""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

NEW_FILE_MODE = 0o666


def write(path: Path, text: str) -> None:
    """Write `text` to a file, as `write_lines` does. Raises OSError."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write texts to a file: to a temporary one beside it first, which then replaces it. Raises OSError.

    A link is followed.
    """
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as made:
            made.writelines(lines)
            made.flush()
            copy_ownership(made.fileno(), path)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy_ownership(made: int, path: Path) -> None:
    """Give an open file the owner and the mode of the file that it replaces, or those of a new file there."""
    try:
        was = path.stat()
    except FileNotFoundError:
        os.fchmod(made, NEW_FILE_MODE & ~umask())
        set_owner(made, path.parent.stat())
    else:
        os.fchmod(made, stat.S_IMODE(was.st_mode))
        set_owner(made, was)


def make_directory(path: Path, *, mode: int | None = None) -> None:
    """Make a directory, and those above it that are missing. Raises OSError.

    `mode`: the mode of new directories; None: what the umask leaves.
    """
    if path.is_dir():
        return
    make_directory(path.parent, mode=mode)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    if mode is not None:
        path.chmod(mode)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def owner_of(path: Path) -> os.stat_result:
    """Return the status of a file, or of its directory where there is no file yet. Raises OSError."""
    try:
        return path.stat()
    except FileNotFoundError:
        return path.parent.stat()


def set_owner(made: int, owner: os.stat_result) -> None:
    """Give an open file to an owner, if this user is root."""
    if os.geteuid() == 0:
        os.fchown(made, owner.st_uid, owner.st_gid)


def umask() -> int:
    """Return the permissions that new files do not get; the system returns it only to a program that sets it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
