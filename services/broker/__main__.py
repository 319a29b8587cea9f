"""`python -m services.broker`: check the settings and the password, and become `nats-server`.

The configuration has the password, so it is written into /tmp, which is in memory, and readable by this user alone.
"""

import os
import shutil
import sys
from pathlib import Path

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below

from services.broker.configuration import configuration
from services.broker.password import PasswordUnusable, read_password
from services.broker.settings import ServerSettings
from services.runtime.cli import OptionParser, main_of
from services.runtime.errors import OutputFailed, ProgramError
from services.runtime.process import MEMORY_BYTES
from services.runtime.settings import Environment

PROGRAM = "nats-server"
COLLECTED_PERCENT = 80  # of the memory limit: beyond it, Go collects garbage as often as it takes
REMEDY = "`lab up` makes one, and starts the broker again"


class ProgramMissing(ProgramError):
    """There is no `nats-server` on PATH."""

    def __init__(self) -> None:
        super().__init__(f"{PROGRAM} is not on PATH: the image `broker` has it (requirements/broker.txt)")


def program() -> int:
    """Read environment and password, and become the broker; it returns only where that fails."""
    settings = ServerSettings.from_environment(Environment())
    description = "NATS JetStream with the lab's configuration; its settings are environment variables."
    OptionParser(prog="broker", description=description).parse_args()
    try:
        password = read_password(settings.password_file, remedy=REMEDY)
    except FileNotFoundError as error:
        raise PasswordUnusable(settings.password_file, "is not there", REMEDY) from error
    found = shutil.which(PROGRAM)
    if found is None:
        raise ProgramMissing
    write(settings.configuration, configuration(settings, password))
    collected = {"GOMEMLIMIT": str(MEMORY_BYTES * COLLECTED_PERCENT // 100)}
    os.execve(found, [PROGRAM, "--config", str(settings.configuration)], collected | os.environ)  # noqa: S606 - no shell


def write(file: Path, text: str) -> None:
    """Write a file that only this user can read. Raises OutputFailed."""
    try:
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as made:
            made.write(text)
    except OSError as error:
        raise OutputFailed(str(file), error.strerror or str(error)) from error


if __name__ == "__main__":
    sys.exit(main_of(program, name="broker"))
