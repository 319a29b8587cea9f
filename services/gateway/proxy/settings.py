"""The limits of the forward proxy: connections, bytes and time."""

from dataclasses import dataclass

from services.gateway.settings import IDLE_TIMEOUT_S, MAX_CONNECTIONS
from services.runtime.http import Address
from services.runtime.serving.listen import DRAIN_S

READ_BYTES = 16 * 1024  # one buffer for all connections: what is read is passed on at once
BUFFER_BYTES = 32 * 1024  # what waits for one peer to read; with it, reading from the other stops


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """`where`: the port for clients; port 0: any free one. `names`: what clients may call the gateway besides loopback.

    `head_timeout_s`: from the first byte of a head to its last; `idle_timeout_s`: for a client that waits with its next
    request, or its first; `silence_timeout_s`: for a request or a tunnel on which no byte moves, which is longer than
    any fault of a site is silent; `reset_timeout_s`: for a client that does not take the bytes before a reset;
    `linger_s`: for a client that has its last response. `inbound_only`: sockets of clients cannot be used to connect to
    anything, whichever process has them.
    """

    where: Address
    names: tuple[str, ...] = ("gateway",)
    max_connections: int = MAX_CONNECTIONS
    connect_timeout_s: float = 5.0
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    silence_timeout_s: float = IDLE_TIMEOUT_S
    reset_timeout_s: float = 30.0
    linger_s: float = 2.0
    drain_s: float = DRAIN_S
    inbound_only: bool = False
