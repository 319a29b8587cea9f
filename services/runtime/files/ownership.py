"""Whose the files are that a program writes into a person's directories: that person's, whichever user runs it.

What root makes belongs to the owner of the directory that it lies in; what is there already keeps its owner and its
mode. A file is written whole or not at all.
"""

import os
import stat
import tempfile
from pathlib import Path

NEW_FILE_MODE = 0o666


def write(path: Path, text: str) -> None:
    """Put `text` into a file: beside its place first, then moved there. A link is followed. Raises OSError."""
    path = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as made:
            made.write(text)
            made.flush()
            keep(made.fileno(), path)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def keep(made: int, path: Path) -> None:
    """Give a new file the owner and the mode of the one that it replaces, or those that a new one is to have there."""
    try:
        was = path.stat()
    except FileNotFoundError:
        os.fchmod(made, NEW_FILE_MODE & ~umask())
        give(made, path.parent.stat())
    else:
        os.fchmod(made, stat.S_IMODE(was.st_mode))
        give(made, was)


def make_directory(path: Path, *, mode: int | None = None) -> None:
    """Make a directory, and those above it that are missing. Raises OSError.

    `mode`: theirs, if not what the umask gives; a directory that is there keeps its own.
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
    """Return whose a file is; where there is none yet, whose its directory is. Raises OSError."""
    try:
        return path.stat()
    except FileNotFoundError:
        return path.parent.stat()


def give(made: int, owner: os.stat_result) -> None:
    """Give an open file to an owner, where this user may."""
    if os.geteuid() == 0:
        os.fchown(made, owner.st_uid, owner.st_gid)


def umask() -> int:
    """Return the modes that this user denies to new files; the system tells it only to one who sets it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
