"""What a host's name may be, for all who record it or play it: it is part of a file's name, and of a certificate.
And what is no name, but an address.
"""

import re
import socket

HOST_NAME = re.compile(r"(?!.*\.\.)[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")


def is_ip_address(host: str) -> bool:
    """Return whether a host is an IPv4 or IPv6 address in its usual spelling."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True
