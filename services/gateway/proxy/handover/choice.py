"""Which connections of clients are handed over to a site, decided without I/O.

A site that has the client's own socket does with it what it would do with a connection of its own: there is nothing
between them that could change a byte, an end or a pause. So a connection is handed over where everything that can still
come of it is for that one site:

    CONNECT         every byte from now on
    absolute-form   a request after which no other one comes: `Connection: close`, or HTTP/1.0 without `keep-alive`

All others are relayed, since the next request may be for another host. So is a request with a chunked body, whose
framing the gateway checks, and one with bytes after it.
"""

from services.gateway.proxy.decision import Decision, Forward, Tunnel
from services.gateway.proxy.directory import Handover
from services.gateway.proxy.messages.request import RequestHead
from services.gateway.proxy.responses import CONNECTED


def handover_of(decision: Decision, head: RequestHead, rest: bytes) -> Handover | None:
    """Return what a site gets, None where the connection has to be relayed. `rest`: what came after the head."""
    if isinstance(decision, Tunnel):
        return Handover(decision.asked, CONNECTED, rest)
    if isinstance(decision, Forward) and is_last(head) and len(rest) <= (head.body_bytes or 0):
        return Handover(decision.asked, b"", decision.head + rest)
    return None


def is_last(head: RequestHead) -> bool:
    """Return whether a client says that no other request comes after this one, and its length is known ahead."""
    if head.body_bytes is None:
        return False
    values = head.values(b"connection")
    if len(values) > 1:
        return False  # two readers of it might not agree
    options = {option.strip().lower() for option in values[0].split(b",")} if values else set()
    is_1_0 = head.raw[: head.fields_begin].endswith(b"HTTP/1.0\r\n")
    return b"close" in options or (is_1_0 and b"keep-alive" not in options)
