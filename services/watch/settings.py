"""The settings of watch, and their environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.runtime.http import Address
from services.runtime.process import MIB, module_command
from services.runtime.settings import Environment

IN_CONTAINER = "docker compose run --rm client"  # what a person types to run the client there
MODULE = "services.client"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How many runs there are, and how large each may become.

    Arguments:
        running: how many at once.
        kept: how many are remembered; the oldest that has ended goes first.
        events: how many events of a trace are kept; further ones are counted.
        trace_bytes: how large a trace may become.
        kept_bytes: how large all traces together may become.
        run_s: how long a run may take; it is then stopped.
        grace_s: how long it has to end after SIGINT, before SIGKILL.
    """

    running: int = 2
    kept: int = 20
    events: int = 200_000
    trace_bytes: int = 32 * MIB
    kept_bytes: int = 96 * MIB
    run_s: float = 120.0
    grace_s: float = 5.0


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The settings of one server.

    Arguments:
        where: the page's port.
        lab: the URL of the lab's gateway.
        broker: the broker's URL; empty where the lab has none.
        names: allowed host names besides loopback and `watch`.
        is_one_process: whether the services of the lab are one process with this server.
        called: what a person types to run the client.
        client: the command that runs the client.
        client_environment: variables that each run has besides those of this process.
        limits: of runs.
        look_s: between two looks at the lab, while a page is open.
        beat_s: between two signs of life of a stream of events.
        drain_s: how long requests in flight have when the server stops.
    """

    where: Address = Address("0.0.0.0", 8080)  # noqa: S104 - in a container; Compose publishes it on 127.0.0.1
    lab: str = "http://gateway:3128"
    broker: str = ""
    names: tuple[str, ...] = ()
    is_one_process: bool = False
    called: str = IN_CONTAINER
    client: tuple[str, ...] = module_command(MODULE)
    client_environment: Mapping[str, str] = field(default_factory=dict)
    limits: RunLimits = RunLimits()
    look_s: float = 1.0
    beat_s: float = 15.0
    drain_s: float = 1.0
    loop: str = "asyncio"
    log_format: str = "text"

    @classmethod
    def from_environment(cls, environment: Environment) -> "WatchSettings":
        """Return the settings of the environment. Raises BadSetting.

        Beside the lab's services, a run finds hosts by their names, as every client in a container. Elsewhere it joins
        the lab through its gateway.
        """
        unset = cls()
        lab = environment.origin("WATCH_LAB", unset.lab).removesuffix("/")
        beside = bool(environment.text("LAB_CA", ""))
        return cls(
            where=Address(
                environment.text("WATCH_HOST", unset.where.host),
                environment.port("WATCH_PORT", unset.where.port),
            ),
            lab=lab,
            broker=environment.text("BROKER_URL", ""),
            names=environment.names("WATCH_NAMES"),
            called=IN_CONTAINER if beside else f"python -m {MODULE} --lab {lab}",
            client_environment={} if beside else {"ASYNCLAB_URL": lab},
            loop=environment.loop(),
            log_format=environment.log_format(),
        )
