"""The broker's settings, and their environment variables."""

from dataclasses import dataclass
from pathlib import Path

from services.runtime.http import Address
from services.runtime.process import MIB
from services.runtime.settings import Environment

MIN_STORE_MIB = 16
MAX_STORE_MIB = 999_999  # a terabyte


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the program `nats-server` is started with.

    Arguments:
        where: the address for clients; port -1 lets the system choose, and the program then says which.
        monitoring: the address of its own HTTP pages (/healthz, /varz, /jsz); None: it has none.
        store: the directory of the streams.
        store_bytes: how much all streams together may hold there; None: three quarters of the free disk.
        password_file: where the password is.
        configuration: the file that the program reads; it has the password.
    """

    where: Address = Address("0.0.0.0", 4222)  # noqa: S104 - in a container, on a network without a way out
    monitoring: Address | None = Address("0.0.0.0", 8222)  # noqa: S104 - for `client` and workers
    store: Path = Path("/data")
    store_bytes: int | None = 4096 * MIB
    password_file: Path = Path("/run/secrets/broker_password")
    configuration: Path = Path("/tmp/broker.conf")  # noqa: S108 - the container's own, in memory

    @classmethod
    def from_environment(cls, environment: Environment) -> "ServerSettings":
        """Return the settings of the environment. Raises BadSetting."""
        unset = cls()
        mib = environment.whole("BROKER_STORE_MIB", 4096, least=MIN_STORE_MIB, most=MAX_STORE_MIB)
        return cls(
            store=Path(environment.text("BROKER_STORE", str(unset.store))),
            store_bytes=mib * MIB,
            password_file=Path(environment.text("BROKER_PASSWORD_FILE", str(unset.password_file))),
            configuration=Path(environment.text("BROKER_CONFIGURATION", str(unset.configuration))),
        )
