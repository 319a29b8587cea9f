"""The password that the broker demands, in a file: in containers a secret of Compose, or of a Swarm.

What it may be is stated here once, for the broker and for `lab up`, which makes it. Letters, digits, - and _ need no
quoting in a configuration or a URL; and twenty of them cannot be guessed.
"""

import re
from pathlib import Path

from services.runtime.errors import ProgramError
from services.runtime.files.regular import read_regular

USER = "asynclab"
PASSWORD = re.compile(rb"[A-Za-z0-9_-]{20,200}")
EXPECTED = "20 to 200 letters, digits, - and _"
LIMIT_BYTES = 1024


class PasswordUnusable(ProgramError):
    """The file of the password cannot be read, or what it holds is not a password."""

    exit_code = 3

    def __init__(self, file: Path, what: str, remedy: str) -> None:
        super().__init__(f"{file} {what}: {remedy}")
        self.file, self.what = file, what


def read_password(file: Path, *, remedy: str) -> str:
    """Return the password that a file holds; one line end after it is no part of it.

    `remedy`: what a person has to do where it holds none. Raises FileNotFoundError where there is no file, else
    PasswordUnusable.
    """
    try:
        held = read_regular(file, most=LIMIT_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PasswordUnusable(file, f"cannot be read ({error.strerror or error})", remedy) from error
    password = held.removesuffix(b"\n").removesuffix(b"\r")
    if not password:
        raise PasswordUnusable(file, "is empty", remedy)
    if not PASSWORD.fullmatch(password):
        raise PasswordUnusable(file, f"does not hold a password ({EXPECTED})", remedy)
    return password.decode("ascii")
