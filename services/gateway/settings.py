"""The gateway's settings, and their environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.http import Address
from services.runtime.serving.listen import DRAIN_S
from services.runtime.settings import Environment

IDLE_TIMEOUT_S = 3660.0  # longer than hello may take for an answer (HELLO_DELAY_S, an hour at most)
MAX_CONNECTIONS = 1024  # with all buffers full, 200 MiB: less than half of the container's memory


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """`where`: the port for clients of hello; `target`: where their bytes go; `health`: the port of the health check.

    `page`: the port for browsers, and `page_target` where their bytes go: the service `watch`.
    `proxy_port`: that of the forward proxy; `hosts`: by each host that it knows, the Compose service that plays it;
    `takes_hosts`: the service that takes hosts which are not recorded, nothing where there is none; `names`: what it is
    called besides loopback; `ca`: the file of the lab's CA certificate; `handover`: the directory of the Unix sockets
    at which sites take connections of clients. A connection is reset if no byte comes for `idle_timeout_s`; connections
    over `max_connections`, at each port, are reset at once.
    """

    where: Address = Address("0.0.0.0", 8000)  # noqa: S104 - in a container; Compose publishes it on 127.0.0.1
    target: Address = Address("hello", 8000)
    health: Address = Address("127.0.0.1", 8081)
    page: Address = Address("0.0.0.0", 8080)  # noqa: S104
    page_target: Address = Address("watch", 8080)
    proxy_port: int = 3128
    hosts: Mapping[str, str] = field(default_factory=dict)
    takes_hosts: str = ""
    names: tuple[str, ...] = ("gateway",)
    ca: Path | None = None
    handover: Path | None = None
    max_connections: int = MAX_CONNECTIONS
    connect_timeout_s: float = 5.0
    idle_timeout_s: float = IDLE_TIMEOUT_S
    drain_s: float = DRAIN_S
    loop: str = "asyncio"
    log_format: str = "text"

    @classmethod
    def from_environment(cls, environment: Environment) -> "GatewaySettings":
        """Return the settings of the environment. Raises BadSetting."""
        unset = cls()

        def seconds(name: str, default: float, *, least: float = 0.1) -> float:
            return environment.number(name, default, least=least, most=86_400)

        return cls(
            where=Address(
                environment.text("GATEWAY_HOST", unset.where.host),
                environment.port("GATEWAY_PORT", unset.where.port),
            ),
            target=Address(
                environment.text("GATEWAY_TARGET_HOST", unset.target.host),
                environment.whole("GATEWAY_TARGET_PORT", unset.target.port, least=1, most=65535),
            ),
            health=Address(unset.health.host, environment.port("GATEWAY_HEALTH_PORT", unset.health.port)),
            page=Address(
                environment.text("GATEWAY_HOST", unset.page.host),
                environment.port("GATEWAY_PAGE_PORT", unset.page.port),
            ),
            proxy_port=environment.port("GATEWAY_PROXY_PORT", unset.proxy_port),
            hosts=environment.pairs("GATEWAY_HOSTS"),
            takes_hosts=environment.text("GATEWAY_TAKES_HOSTS", ""),
            names=(*unset.names, *environment.names("GATEWAY_NAMES")),
            ca=environment.path("GATEWAY_CA"),
            handover=environment.path("GATEWAY_HANDOVER"),
            max_connections=environment.whole("GATEWAY_MAX_CONNECTIONS", MAX_CONNECTIONS, least=1, most=1_000_000),
            connect_timeout_s=seconds("GATEWAY_CONNECT_TIMEOUT_S", unset.connect_timeout_s),
            idle_timeout_s=seconds("GATEWAY_IDLE_TIMEOUT_S", IDLE_TIMEOUT_S),
            drain_s=seconds("GATEWAY_DRAIN_S", DRAIN_S, least=0),
            loop=environment.loop(),
            log_format=environment.log_format(),
        )
