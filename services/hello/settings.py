"""The hello server's settings, and their environment variables."""

from dataclasses import dataclass
from pathlib import Path

from services.runtime.errors import BadSetting, TooLittleMemory
from services.runtime.http import Address
from services.runtime.process import MEMORY_BYTES, MIB
from services.runtime.serving.listen import DRAIN_S
from services.runtime.settings import Environment

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # as other programs with several workers have it
WORKER = "HELLO_IS_WORKER"
PROCESS_BYTES = 28 * MIB  # a worker or a supervisor, without connections
MIN_POOL_BYTES = 2 * MIB  # for the connections of each worker


@dataclass(frozen=True, slots=True)
class HelloSettings:
    """`names`: allowed hosts besides `hello` and `gateway`.

    `memory_bytes`: what the program may use; a supervisor divides it between its workers. `multiprocess_dir` and
    `is_worker` are set by the supervisor for each of them.
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
    memory_bytes: int = MEMORY_BYTES

    @property
    def pool_bytes(self) -> int:
        """What the connections of the process may use: three quarters of what the process itself leaves."""
        return max(MIN_POOL_BYTES, self.memory_bytes - PROCESS_BYTES) // 4 * 3

    @property
    def worker_memory_bytes(self) -> int:
        """What each worker may use: its share of what the supervisor leaves."""
        return (self.memory_bytes - PROCESS_BYTES) // self.workers

    @classmethod
    def from_environment(cls, environment: Environment) -> "HelloSettings":
        """Return the settings of the environment. Raises BadSetting, or TooLittleMemory."""
        shared = environment.text(METRICS_DIRECTORY, "")
        if shared and not Path(shared).is_dir():
            raise BadSetting(METRICS_DIRECTORY, shared, "a directory")
        memory_bytes = environment.memory_bytes("HELLO_MEMORY_MIB", least_bytes=PROCESS_BYTES + MIN_POOL_BYTES)
        workers = environment.whole("HELLO_WORKERS", 1, least=1, most=64)
        check_memory(workers, memory_bytes)
        return cls(
            delay_s=environment.number("HELLO_DELAY_S", cls().delay_s, least=0, most=3600),
            workers=workers,
            memory_bytes=memory_bytes,
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


def check_memory(workers: int, memory_bytes: int) -> None:
    """Raise TooLittleMemory for more workers than there is memory for: the kernel would kill them."""
    each = PROCESS_BYTES + MIN_POOL_BYTES
    need_bytes = workers * each + PROCESS_BYTES
    if workers > 1 and need_bytes > memory_bytes:
        most = max(1, (memory_bytes - PROCESS_BYTES) // each)
        raise TooLittleMemory("HELLO_WORKERS", workers, need_bytes=need_bytes, have_bytes=memory_bytes, most=most)
