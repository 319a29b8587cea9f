"""Answers to requests that came before: most requests are the same as one before, byte for byte.

Where nothing but its bytes decides a request's answer, the answer is kept under them: the next such request needs no
reading, and the connection answers it in a microsecond.
"""

from services.sites import journal
from services.sites.faults.script import SHORT_BYTES, Ending, Response, Script, pieces
from services.sites.host import Host
from services.sites.http.request import Request
from services.sites.journal import CachedExchange
from services.sites.replay.candidate import Candidate
from services.sites.site import CachedResponse, Site

MAX_KNOWN = 4096
MAX_KNOWN_HEAD_BYTES = 1024


def remember(site: Site, request: Request, host: Host, chosen: Candidate, response: Response) -> None:
    """Keep the answer to a request, where it is small and is the same every time.

    A request that does not name the host gets another answer at the port of another host. One that is chosen without
    `times` stays the same: what would come before it is spent, or is not for this request.
    All that is known is forgotten when candidates change.
    """
    known, recording = site.known, chosen.recording
    short = len(response.body) < SHORT_BYTES
    constant = response.ending in {Ending.KEEP, Ending.CLOSE} and not recording.dated and chosen.times is None
    plain = request.host == host.name and request.body_bytes == 0 and len(request.head) <= MAX_KNOWN_HEAD_BYTES
    if short and constant and plain:
        if len(known) >= MAX_KNOWN:
            known.clear()
        wire = chosen.wire(head_only=request.method == b"HEAD")
        keep = response.ending is Ending.KEEP and request.persistent
        ended = journal.KEPT if keep else journal.FIN
        exchange = CachedExchange(
            request.head, host.name, recording.sha256, recording.status, len(wire), ended, chosen.label
        )
        known[request.head] = CachedResponse(host, wire, keep, request.last, exchange)


def as_recorded(response: Response, chosen: Candidate) -> Script:
    """Return the script of a response without fault: in one write if it is small."""
    if len(response) > SHORT_BYTES:
        yield from pieces(response.head)
        yield from pieces(response.body)
    elif chosen.recording.dated:
        yield response.head + response.body
    else:
        yield chosen.wire(head_only=not response.body)
    yield response.ending
