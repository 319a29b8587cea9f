"""Where the broker of the pipeline's jetstream edition is, and with which password it is asked.

The password is read from its file when a connection is made: a command that needs no broker reads no secret.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.errors import BadSetting, ProgramError
from services.runtime.settings import LABEL, Environment

USER = "asynclab"
PORT = 4222
URL = rf"(?i:nats://((?:{LABEL}(?:\.{LABEL})*\.?|\[[0-9a-f:.]+]))(?::([0-9]{{1,5}}))?/?)"
MOST_PASSWORD_BYTES = 4096


class NoPassword(ProgramError):
    """The file of the broker's password cannot be read, or has none."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The broker of one run.

    Arguments:
        url: `nats://HOST:PORT`.
        password_file: what the user `asynclab` says; None where the password is given here, or none is needed.
        password: the password, where no file has it.
    """

    url: str
    password_file: Path | None = None
    password: str = field(default="", repr=False)

    def read_password(self) -> str:
        """Return the password; empty where the broker needs none. Raises NoPassword."""
        if self.password_file is None:
            return self.password
        try:
            with self.password_file.open("rb") as file:
                password = file.read(MOST_PASSWORD_BYTES).decode().strip()
        except (OSError, ValueError) as error:
            raise NoPassword(f"{self.password_file}: the broker's password cannot be read: {reason(error)}") from error
        if not password:
            raise NoPassword(f"{self.password_file}: the broker's password is empty")
        return password

    @classmethod
    def from_environment(cls, environment: Environment) -> "BrokerSettings | None":
        """Return what BROKER_URL and BROKER_PASSWORD_FILE say; None without the first. Raises BadSetting."""
        url = environment.text("BROKER_URL", "")
        if not url:
            return None
        found = re.fullmatch(URL, url)
        if not found or int(found[2] or PORT) not in range(1, 65536):
            raise BadSetting("BROKER_URL", url, f"a broker's URL, as nats://broker:{PORT}")
        file = environment.text("BROKER_PASSWORD_FILE", "")
        return cls(f"nats://{found[1]}:{found[2] or PORT}", Path(file) if file else None)


def reason(error: OSError | ValueError) -> str:
    """Return why a file could not be read."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
