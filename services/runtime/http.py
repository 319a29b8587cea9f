"""Terms of HTTP and of the network that all programs share: tokens, host names, addresses to listen on."""

import re
import socket
from typing import NamedTuple

TOKEN_CHARACTERS = "!#$%&'*+.^_`|~0-9A-Za-z-"  # noqa: S105 - for a pattern's [...]: RFC 9110, section 5.6.2

HTTP_PORT, TLS_PORT, ADMIN_PORT = 80, 443, 8081  # of the lab's hosts; ADMIN_PORT has a site's admin API

# It is a part of a recording's file name, and a name in a certificate. A label has 63 characters at most (RFC 1035).
HOST_NAME = re.compile(r"(?!.*\.\.)(?!.*[^.]{64})[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")


def is_ip_address(host: str) -> bool:
    """Return whether a host is an IPv4 or IPv6 address in its usual spelling."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


class Address(NamedTuple):
    """The host and the port that a server listens on."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a base URL, without a slash at its end."""
        return f"http://{self}"
