"""What the client takes from its environment, and what it does without options."""

from dataclasses import dataclass

from services.client.topology import OPEN, Topology
from services.runtime.settings import Environment

TUTORIAL_HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """`topology` says where names are reached; the embedded lab puts its own here.

    `files_per_connection` is 2 where the server lives in the same process.
    """

    topology: Topology = OPEN
    hello_url: str = "http://hello:8000"
    loop: str = "asyncio"
    files_per_connection: int = 1

    @classmethod
    def from_environment(cls, environment: Environment) -> "ClientSettings":
        """Return what the environment says; raise BadSetting for what it cannot say."""
        return cls(hello_url=environment.text("HELLO_URL", cls().hello_url), loop=environment.loop())
