"""Where the broker of the pipeline's jetstream edition is, and with which password it is asked.

The password is read from its file when a connection is made: a command that needs no broker reads no secret.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.errors import BadSetting, ProgramError
from services.runtime.settings import LABEL, Environment

USER = "asynclab"
PORT = 4222
URL = rf"(?i:nats://((?:{LABEL}(?:\.{LABEL})*\.?|\[[0-9a-f:.]+]))(?::([0-9]{{1,5}}))?/?)"
MAX_PASSWORD_BYTES = 4096


class NoPassword(ProgramError):
    """The file of the broker's password cannot be read, or has none."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Tuning:
    """How long is waited for the broker, and how it treats jobs. The defaults suit jobs of seconds.

    Arguments:
        connect_s: how long the first connection may take.
        gone_s: how long a broker may be away that has answered before.
        ping_s: the interval of pings; a connection without an answer to two of them is given up.
        resend_s: after how long a request without an answer is sent again.
        ack_wait_s: after how long a job of a worker that says nothing is delivered again.
        max_deliveries: how often a job is tried before it is given up.
        batch: how many jobs a worker asks for at a time.
        partitions: how many groups of hosts there are with --per-host.
    """

    connect_s: float = 10.0
    gone_s: float = 60.0
    ping_s: float = 3.0
    resend_s: float = 5.0
    ack_wait_s: float = 30.0
    max_deliveries: int = 5
    batch: int = 64
    partitions: int = 64


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The broker of one run.

    Arguments:
        url: `nats://HOST:PORT`.
        password_file: what the user `asynclab` says; None where the password is given here, or none is needed.
        password: the password, where no file has it.
        tuning: how long is waited for it, and how it treats jobs.
        keeps_runs: whether it outlives the run, so that another program can go on with it.
    """

    url: str
    password_file: Path | None = None
    password: str = field(default="", repr=False)
    tuning: Tuning = Tuning()
    keeps_runs: bool = True

    def read_password(self) -> str:
        """Return the password; empty where the broker needs none. Raises NoPassword."""
        if self.password_file is None:
            return self.password
        try:
            with self.password_file.open("rb") as file:
                content = file.read(MAX_PASSWORD_BYTES + 1)
            if len(content) > MAX_PASSWORD_BYTES:
                most = f"{MAX_PASSWORD_BYTES:,}"
                raise NoPassword(f"{self.password_file}: the broker's password is larger than {most} bytes")
            password = content.decode().strip()
        except (OSError, ValueError) as error:
            raise NoPassword(f"{self.password_file}: the broker's password cannot be read: {reason(error)}") from error
        if not password:
            raise NoPassword(f"{self.password_file}: the broker's password is empty")
        return password

    @classmethod
    def from_environment(cls, environment: Environment) -> "BrokerSettings | None":
        """Return what the variables BROKER_... say; None without BROKER_URL. Raises BadSetting."""
        url = environment.text("BROKER_URL", "")
        if not url:
            return None
        found = re.fullmatch(URL, url)
        if not found or int(found[2] or PORT) not in range(1, 65536) or not is_host(found[1]):
            raise BadSetting("BROKER_URL", url, f"a broker's URL, as nats://broker:{PORT}")
        file = environment.text("BROKER_PASSWORD_FILE", "")
        tuning = Tuning(
            gone_s=environment.number("BROKER_GONE_S", Tuning().gone_s, least=1, most=86400),
            ack_wait_s=environment.number("BROKER_ACK_WAIT_S", Tuning().ack_wait_s, least=1, most=3600),
        )
        return cls(f"nats://{found[1]}:{found[2] or PORT}", Path(file) if file else None, tuning=tuning)


def is_host(text: str) -> bool:
    """Return whether the text of a URL's host is a name, or an address that there can be."""
    try:
        return not text.startswith("[") or bool(ipaddress.IPv6Address(text[1:-1]))
    except ValueError:
        return False


def reason(error: OSError | ValueError) -> str:
    """Return why a file could not be read."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
