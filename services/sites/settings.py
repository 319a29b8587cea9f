"""The settings of a site, and the environment variable of each; docs/sites.md says what each is for."""

from dataclasses import dataclass
from pathlib import Path

from services.runtime.http import ADMIN_PORT, HTTP_PORT, TLS_PORT, Address
from services.runtime.process import MEMORY_BYTES
from services.runtime.serving.listen import DRAIN_S
from services.runtime.settings import Environment
from services.sites import journal
from services.sites.budget import MIN_BYTES

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class SitesSettings:
    """`hosts`: which recordings are played (none named: all but those of `without`).

    `own`: a second directory, whose recordings come before the first's.
    `own_ports`: whether each host has its own ports, as in the embedded lab; `tls`: where TLS is spoken, None for
    nowhere; `admin_names`: what the admin side is called besides its hosts; `ca_key`: a directory for the CA's key,
    `ca`: one for its certificate alone, which clients may see; `state`: one for plans that are to outlive a restart.
    `gateway`: the name whose addresses may say, ahead of a connection's bytes, which client it is for.
    `handover`: the Unix socket at which the gateway hands connections of clients over.
    `memory_bytes`: what the process may have, all in all; `budget` shares it out.
    """

    directory: Path = RECORDINGS
    own: Path | None = None
    hosts: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    where: Address = Address("0.0.0.0", HTTP_PORT)  # noqa: S104 - in a container, on the lab's own network
    tls: Address | None = Address("0.0.0.0", TLS_PORT)  # noqa: S104
    admin: Address = Address("0.0.0.0", ADMIN_PORT)  # noqa: S104
    admin_names: tuple[str, ...] = ()
    gateway: str = ""
    handover: Path | None = None
    own_ports: bool = False
    ca_key: Path | None = None
    ca: Path | None = None
    state: Path | None = None
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    write_timeout_s: float = 30.0
    stall_timeout_s: float = 3600.0
    linger_s: float = 2.0
    answer_timeout_s: float = 30.0  # of the admin side: until a request is whole, and until its answer is taken
    verify_timeout_s: float = 8.0  # less than the client waits, so that it hears why
    drain_s: float = DRAIN_S
    reload_s: float = 1.0
    memory_bytes: int = MEMORY_BYTES
    max_connections: int = 1_000_000
    journal_entries: int = journal.MAX_ENTRIES
    journal_bytes: int = journal.MAX_BYTES
    loop: str = "asyncio"
    log_format: str = "text"

    @classmethod
    def from_environment(cls, environment: Environment) -> "SitesSettings":
        """Return what the environment says; raise BadSetting for what it cannot say."""
        unset = cls()
        host = environment.text("SITES_HOST", unset.where.host)
        admin_host = environment.text("SITES_ADMIN_HOST", unset.admin.host)

        def seconds(name: str, default: float, *, least: float = 0.1) -> float:
            return environment.number(name, default, least=least, most=86_400)

        return cls(
            directory=environment.path("SITES_RECORDINGS") or RECORDINGS,
            hosts=words(environment, "SITES_HOSTS"),
            without=words(environment, "SITES_WITHOUT"),
            where=Address(host, environment.port("SITES_PORT", unset.where.port)),
            tls=Address(host, environment.port("SITES_TLS_PORT", TLS_PORT)),
            admin=Address(admin_host, environment.port("SITES_ADMIN_PORT", ADMIN_PORT)),
            admin_names=environment.names("SITES_ADMIN_NAMES"),
            gateway=environment.text("SITES_GATEWAY", ""),
            handover=environment.path("SITES_HANDOVER"),
            ca_key=environment.path("SITES_CA_KEY"),
            ca=environment.path("SITES_CA"),
            state=environment.path("SITES_STATE"),
            head_timeout_s=seconds("SITES_HEAD_TIMEOUT_S", unset.head_timeout_s),
            idle_timeout_s=seconds("SITES_IDLE_TIMEOUT_S", unset.idle_timeout_s),
            write_timeout_s=seconds("SITES_WRITE_TIMEOUT_S", unset.write_timeout_s),
            stall_timeout_s=seconds("SITES_STALL_TIMEOUT_S", unset.stall_timeout_s),
            answer_timeout_s=seconds("SITES_ANSWER_TIMEOUT_S", unset.answer_timeout_s),
            verify_timeout_s=seconds("SITES_VERIFY_TIMEOUT_S", unset.verify_timeout_s),
            drain_s=seconds("SITES_DRAIN_S", DRAIN_S, least=0),
            reload_s=seconds("SITES_RELOAD_S", unset.reload_s),
            memory_bytes=environment.memory_bytes("SITES_MEMORY_MIB", least_bytes=MIN_BYTES),
            max_connections=environment.whole("SITES_MAX_CONNECTIONS", unset.max_connections, least=1, most=10_000_000),
            journal_entries=environment.whole("SITES_JOURNAL_ENTRIES", unset.journal_entries, least=0, most=10_000_000),
            journal_bytes=environment.whole("SITES_JOURNAL_BYTES", unset.journal_bytes, least=0, most=1 << 32),
            loop=environment.loop(),
            log_format=environment.log_format(),
        )


def words(environment: Environment, name: str) -> tuple[str, ...]:
    """Return the words of a variable, in small letters, with spaces or commas between them."""
    return tuple(environment.text(name, "").replace(",", " ").lower().split())
