"""A tunnel through the gateway of a lab, which is asked for by CONNECT (RFC 9110, section 9.3.6).

After the gateway's answer, the connection is as one to the host itself: every byte, FIN and RST is the host's. What the
gateway says instead of 200 is told apart, so that a record has what a direct connection would have met.
"""

from services.client.errors import FetchError
from services.client.head import HeadError, HeadReader
from services.client.survey.transport.stream import Plain
from services.runtime.terminal import printable

REFUSED = "refused the connection"  # what the gateway says of a host's port that nothing listens on
BAD_GATEWAY = 502
MAX_LINE_BYTES = 1_000


async def ask_for_tunnel(plain: Plain, host: str, port: int, until_s: float) -> None:
    """Ask the gateway, to which `plain` is connected, for a tunnel. Raises FetchError, Expired or SurveyStopped."""
    authority = f"{host.removesuffix('.')}:{port}"
    await plain.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode(), until_s)
    reader = HeadReader()
    try:
        head = None
        while head is None:
            data = await plain.receive(until_s)
            head = reader.feed(data) if data else reader.eof()
    except HeadError as error:
        raise FetchError("unreachable", f"the lab's gateway gave no answer: {error.detail}") from error
    if head.status == 200:
        plain.put_back(head.rest)
        return
    line = head.rest
    while len(line) < MAX_LINE_BYTES and (data := await plain.receive(until_s)):
        line += data
    reason = printable(line[:MAX_LINE_BYTES].decode("latin-1").strip()) or f"status {head.status}"
    if head.status == BAD_GATEWAY and reason.endswith(REFUSED):
        raise FetchError("refused", f"by {authority}, as the lab's gateway says")
    raise FetchError("unreachable", f"the lab's gateway says: {reason}")
