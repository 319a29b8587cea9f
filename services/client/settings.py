"""The settings of the client, from its environment, and what stands for a missing argument."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from services.client.broker_settings import BrokerSettings
from services.client.defaults import IN_CONTAINER, ON_HOST
from services.client.topology import OPEN, Topology
from services.runtime.errors import BadSetting
from services.runtime.settings import Environment

LAB = "lab"
TUTORIAL_HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The settings of one run.

    Arguments:
        topology: where host names are reached; the embedded lab has its own.
        hello_url: the hello server's origin.
        ca_file: the certificate of the lab's CA, if there is a lab.
        files_per_connection: 2 where the server runs in the same process.
        called: what a person types to run the client here.
        broker: the broker of the pipeline's jetstream edition; None where there is none.
        words: the command line, without what runs the client.
        no_broker: why there is none, where what has made the settings knows better than the edition.
    """

    topology: Topology = OPEN
    hello_url: str = "http://hello:8000"
    ca_file: Path | None = None
    files_per_connection: int = 1
    called: str = ON_HOST
    broker: BrokerSettings | None = None
    no_broker: str = ""
    words: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What a person types to run this again."""
        return f"{self.called} {shlex.join(self.words)}".rstrip()

    @property
    def proxy(self) -> str | None:
        """The URL of the gateway that HTTP requests to the lab go through; None where they go directly."""
        if self.topology.gateway is None:
            return None
        host, port = self.topology.gateway
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def authorities(self, ca: str | None) -> str | None:
        """Return the file that --ca names; `lab` is the lab's own CA. Raises BadSetting where there is none."""
        if ca == "":  # it comes from a shell variable that is not set
            raise BadSetting("--ca", ca, "a file of certificates")
        if ca != LAB:
            return ca
        if self.ca_file is None:
            raise BadSetting("--ca", ca, "possible here: this client knows no lab (LAB_CA)")
        return str(self.ca_file)

    @classmethod
    def from_environment(cls, environment: Environment) -> "ClientSettings":
        """Return the settings of the environment. Raises BadSetting for a value that a variable cannot have."""
        ca = environment.text("LAB_CA", "")
        return cls(
            hello_url=environment.origin("HELLO_URL", cls().hello_url),
            ca_file=Path(ca) if ca else None,
            called=IN_CONTAINER if ca else cls().called,
            broker=BrokerSettings.from_environment(environment),
        )
