"""The phases of a client's connection to the proxy, and how long each may last without a byte.

    REQUESTS   heads are read, and bodies are passed on
    WAITING    a host is connected to, or the last one has yet to end its response; the client is not read
    TUNNEL     after CONNECT: every byte is passed on
    LAST       no other response can come; what the client still sends is dropped
    RESETTING  the host has reset its connection; the client's system has yet to take the bytes before that

One sweep, four times a second, looks at all connections. A head that is not whole has a deadline besides, from its
first byte on (`ProxySettings.head_timeout_s`).
"""

from enum import Enum, auto

from services.gateway.proxy.settings import ProxySettings


class Phase(Enum):
    """What a connection does, as above."""

    REQUESTS = auto()
    WAITING = auto()
    TUNNEL = auto()
    LAST = auto()
    RESETTING = auto()


def longest_s(phase: Phase, settings: ProxySettings, *, has_upstream: bool) -> float:
    """Return how many seconds a phase may last without a byte. `has_upstream`: whether a host is connected."""
    if phase is Phase.LAST:
        return settings.linger_s
    if phase is Phase.RESETTING:
        return settings.reset_timeout_s
    if has_upstream or phase is Phase.WAITING:
        return settings.silence_timeout_s
    return settings.idle_timeout_s
