"""A broker for tests: the program nats-server on loopback, which can be killed and started again as it was."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.client.broker_settings import BrokerSettings, Tuning
from tests.ports import held_port

PROGRAM = Path(sys.executable).with_name("nats-server")
PASSWORD = "of a test"  # noqa: S105
QUICK = Tuning(connect_s=10, gone_s=20, ping_s=0.5, resend_s=1, ack_wait_s=2, batch=64, partitions=8)
PATIENT = replace(QUICK, ack_wait_s=60)  # where a job of a worker that this machine holds up must not come again
CONFIGURATION = """
listen: "127.0.0.1:{port}"
max_payload: {max_payload}
{switch}jetstream {{ store_dir: "{directory}", sync_interval: always, max_file_store: {store_bytes} }}
authorization {{ user: asynclab, password: "{password}" }}
"""


@dataclass(slots=True)
class Broker:
    """A broker, where its store is, and its port, which the test holds: it is the same at each start."""

    directory: Path
    port: int
    max_payload: int = 1 << 20
    store_bytes: int = 1 << 30
    jetstream: bool = True
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    draining: threading.Thread = field(default_factory=threading.Thread, repr=False)

    def start(self) -> None:
        """Start it, and return when it is ready."""
        file = self.directory / "broker.conf"
        file.write_text(
            CONFIGURATION.format(
                port=self.port,
                switch="" if self.jetstream else "# ",
                max_payload=self.max_payload,
                directory=self.directory / "store",
                store_bytes=self.store_bytes,
                password=PASSWORD,
            )
        )
        self.process = subprocess.Popen([PROGRAM, "--config", file], stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "Server is ready" in line:
                break
        else:
            raise AssertionError(f"the broker has ended: {said}")
        self.draining = threading.Thread(target=self.process.stderr.read)  # a full pipe would stop it
        self.draining.start()

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.draining.ident:  # it was ready
                self.draining.join()
            assert self.process.stderr
            self.process.stderr.close()
            self.process = None

    def settings(self, tuning: Tuning = QUICK, *, port: int | None = None, password: str = PASSWORD) -> BrokerSettings:
        """Return how a client reaches it, or what stands on another port."""
        return BrokerSettings(f"nats://127.0.0.1:{port or self.port}", password=password, tuning=tuning)


@contextmanager
def running_broker(directory: Path, *, max_payload: int = 1 << 20, store_bytes: int = 1 << 30) -> Iterator[Broker]:
    """Run a broker while inside."""
    with held_port() as port:
        broker = Broker(directory, port, max_payload, store_bytes)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()
