"""What a site can be told, and by which variable."""

from dataclasses import dataclass
from pathlib import Path

from services.runtime.serve import DRAIN_S, Address
from services.runtime.settings import Environment

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class SitesSettings:
    """`hosts`: which recordings are played (none named: all). Seconds are floats."""

    directory: Path = RECORDINGS
    hosts: tuple[str, ...] = ()
    where: Address = Address("0.0.0.0", 80)  # noqa: S104 - in a container, on the lab's own network
    admin: Address = Address("0.0.0.0", 8081)  # noqa: S104
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    write_timeout_s: float = 30.0
    drain_s: float = DRAIN_S
    loop: str = "asyncio"
    log_format: str = "text"

    @classmethod
    def from_environment(cls, environment: Environment) -> "SitesSettings":
        """Return what the environment says; raise BadSetting for what it cannot say."""
        unset = cls()
        hosts = environment.text("SITES_HOSTS", "").replace(",", " ").split()
        return cls(
            directory=Path(environment.text("SITES_RECORDINGS", str(RECORDINGS))),
            hosts=tuple(host.lower() for host in hosts),
            where=Address(environment.text("SITES_HOST", unset.where.host), environment.port("SITES_PORT", 80)),
            admin=Address(
                environment.text("SITES_ADMIN_HOST", unset.admin.host),
                environment.port("SITES_ADMIN_PORT", 8081),
            ),
            head_timeout_s=environment.number("SITES_HEAD_TIMEOUT_S", unset.head_timeout_s, least=0.1, most=3600),
            idle_timeout_s=environment.number("SITES_IDLE_TIMEOUT_S", unset.idle_timeout_s, least=0.1, most=3600),
            drain_s=environment.number("SITES_DRAIN_S", DRAIN_S, least=0, most=3600),
            loop=environment.loop(),
            log_format=environment.log_format(),
        )
