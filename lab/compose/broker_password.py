"""The file that has the broker's password: a secret of Compose and of a Swarm, which `lab up` makes.

It is in a directory that only the checkout's owner may enter. The file itself is readable for all: Compose mounts it
into containers as it is, and their uid is no user of this machine.

It belongs to the checkout, not to a project. A broker reads it when it starts, and its volume holds no trace of it. So
`lab down` keeps it: another project of the same checkout may run with it. `make clean` removes it; a lab that still
runs then gets a new one from the next `lab up`, which replaces the containers that have the old one.
"""

import secrets
import shlex
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from lab.compose.containers import Container
from lab.compose.errors import PasswordFileUnusable
from services.broker.password import PasswordUnusable, read_password
from services.runtime.files import ownership
from services.runtime.files.regular import mode_of
from services.runtime.terminal import printable

FILE = Path("build/secrets/broker_password")
SERVICES = ("broker", "watch", "worker")
"""The services that have it as long as they run."""
DIRECTORY_MODE = 0o700
MODE = 0o444
RANDOM_BYTES = 32


def ensure(root: Path, say: Callable[[str], None]) -> Path:
    """Make sure that a checkout has the file, with modes as they should be, and return where it is.

    An empty file is replaced, with one line. Raises PasswordFileUnusable.
    """
    file = root / FILE
    try:
        ownership.make_directory(file.parent.parent)
        ownership.make_directory(file.parent, mode=DIRECTORY_MODE)
        set_mode(file.parent, DIRECTORY_MODE)
        if mode_of(file) is None or (stat.S_ISREG(file.stat().st_mode) and not file.stat().st_size):
            if mode_of(file, follow=False) is not None:
                say(f"{printable(str(file))} had no password in it: a new one is made")
                file.unlink()
            ownership.write(file, secrets.token_urlsafe(RANDOM_BYTES))
        check(file)
        set_mode(file, MODE)
    except OSError as error:
        remedy = f"let yourself write there (chown, chmod), or as its owner {cure(file)}"
        raise PasswordFileUnusable(file, f"cannot be made or read ({error.strerror or error})", remedy) from error
    return file


def set_mode(path: Path, mode: int) -> None:
    """Give a file or a directory its mode. Raises OSError."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def check(file: Path) -> None:
    """Raise PasswordFileUnusable for a file that the broker would refuse, or OSError."""
    try:
        read_password(file, remedy=cure(file))
    except PasswordUnusable as error:
        raise PasswordFileUnusable(file, error.what, cure(file)) from error


def cure(file: Path) -> str:
    """Return what a person can do about a file that cannot be used."""
    return f"`rm -rf {shlex.quote(str(file.parent))}`, and `lab up` makes a new one"


def outdated(file: Path, before: Collection[Container]) -> list[str]:
    """Return the services that run with another password, if there are any: they were made before the file."""
    made = 0.0
    with suppress(OSError):
        made = file.stat().st_mtime
    return sorted({each.service for each in before if each.service in SERVICES and each.created < made})
