"""What the hello server can be told, and by which variable."""

from dataclasses import dataclass
from pathlib import Path

from services.runtime.errors import BadSetting
from services.runtime.serve import DRAIN_S, Address
from services.runtime.settings import Environment

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own
WORKER = "HELLO_IS_WORKER"


@dataclass(frozen=True, slots=True)
class HelloSettings:
    """Seconds are floats; `names`: what it is called besides `hello` and `gateway`.

    `multiprocess_dir` and `is_worker` are set by the supervisor of several, for each of them.
    """

    delay_s: float = 0.5
    workers: int = 1
    where: Address = Address("0.0.0.0", 8000)  # noqa: S104 - in a container; Compose publishes it on 127.0.0.1
    names: tuple[str, ...] = ()
    drain_s: float = DRAIN_S
    loop: str = "asyncio"
    log_format: str = "text"
    multiprocess_dir: str = ""
    is_worker: bool = False

    @classmethod
    def from_environment(cls, environment: Environment) -> "HelloSettings":
        """Return what the environment says; raise BadSetting for what it cannot say."""
        shared = environment.text(METRICS_DIRECTORY, "")
        if shared and not Path(shared).is_dir():
            raise BadSetting(METRICS_DIRECTORY, shared, "a directory")
        return cls(
            delay_s=environment.number("HELLO_DELAY_S", cls().delay_s, least=0, most=3600),
            workers=environment.whole("HELLO_WORKERS", 1, least=1, most=64),
            where=Address(
                environment.text("HELLO_HOST", cls().where.host),
                environment.port("HELLO_PORT", cls().where.port),
            ),
            names=environment.names("HELLO_NAMES"),
            drain_s=environment.number("HELLO_DRAIN_S", DRAIN_S, least=0, most=3600),
            loop=environment.loop(),
            log_format=environment.log_format(),
            multiprocess_dir=shared,
            is_worker=bool(environment.text(WORKER, "")),
        )
