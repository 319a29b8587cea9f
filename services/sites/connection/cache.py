"""Answers to requests that came before: most requests are the same as one before, byte for byte.

Where nothing but its bytes decides a request's answer, the answer is kept under them: the next such request needs no
reading, and the connection answers it in a microsecond.
"""

from services.sites import journal
from services.sites.faults.script import SHORT_BYTES, Ending, Response, Script, pieces
from services.sites.http.request import Request
from services.sites.journal import CachedExchange
from services.sites.site import CachedResponse, Host, Site

MAX_KNOWN = 4096
MAX_KNOWN_HEAD_BYTES = 1024


def remember(site: Site, request: Request, host: Host, response: Response) -> None:
    """Keep the answer to a request, where it is small and is the same every time."""
    known = site.known
    short = len(response.body) < SHORT_BYTES
    constant = response.ending in {Ending.KEEP, Ending.CLOSE} and not host.recording.dated
    plain = request.host is not None and request.body_bytes == 0 and len(request.head) <= MAX_KNOWN_HEAD_BYTES
    if short and constant and plain:
        if len(known) >= MAX_KNOWN:
            known.clear()
        wire = host.wire(head_only=request.method == b"HEAD")
        keep = response.ending is Ending.KEEP and request.persistent
        recording, ended = host.recording, journal.KEPT if keep else journal.FIN
        exchange = CachedExchange(request.head, host.name, recording.sha256, recording.status, len(wire), ended)
        known[request.head] = CachedResponse(host, wire, keep, request.last, exchange)


def as_recorded(response: Response, host: Host) -> Script:
    """Return the script of a response without fault: in one write if it is small."""
    if len(response) > SHORT_BYTES:
        yield from pieces(response.head)
        yield from pieces(response.body)
    elif host.recording.dated:
        yield response.head + response.body
    else:
        yield host.wire(head_only=not response.body)
    yield response.ending
