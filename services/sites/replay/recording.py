"""A recording: the bytes of one response, and what a replayer has to know of them.

`<host>.http` is the raw response as it came: the head, the blank line, and the body if one was kept. Nothing in it is
normalised, and nothing here changes it but what `<host>.toml` beside it says (see `sidecar`). The fields are read to
learn where the response ends, and they are read as they are sent: those that the sidecar sets count.
"""

import hashlib
from dataclasses import dataclass
from email.utils import formatdate

from services.runtime.playable import are_unambiguous, body_to_play, measure_response, read_fields
from services.sites.faults.script import SHORT_BYTES, Ending, Response
from services.sites.http.body import made_body
from services.sites.http.headers import date_at, set_fields, wants_persistence
from services.sites.http.response import is_framed
from services.sites.replay.sidecar import NOTHING_SAID, BodyMode, Sidecar

NOW = b"now"
UNMATCHED_BODY = b"no recording of this host, and no play, is for such a request\n"
UNMATCHED_HEAD = (
    b"HTTP/1.1 404 Not Found\r\nX-Asynclab: no recording matches\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n" % len(UNMATCHED_BODY)
)
RECORDING_BYTES = 4 * 1024  # its objects, its host's, and their counts
SOME_DATE = formatdate(0, usegmt=True).encode()  # every date is as long, so that offsets in the head are true


@dataclass(frozen=True, slots=True)
class Recording:
    """One site's response. `head` ends with its blank line; `body` is recorded, or made to fit.

    `dated`: where in `head` the value of the Date field is, which is to be the time of each answer; 0: there is none.
    `sha256` is the file's, in hex; `name` is the file's too. Both are empty for a response of the lab's own.
    `others`: what the host has besides, each for the requests of its match, in the order in which they are tried.
    """

    host: str
    head: bytes
    body: bytes
    status: int
    ending: Ending
    sha256: str
    sidecar: Sidecar = NOTHING_SAID
    dated: int = 0
    final: int = 0
    name: str = ""
    others: "tuple[Recording, ...]" = ()

    @property
    def held_bytes(self) -> int:
        """Its size in memory, with the copy that a site makes of a short one: head and body in one piece."""
        whole = len(self.head) + len(self.body)
        joined = whole if len(self.body) < SHORT_BYTES else 0
        return whole + joined + self.sidecar.held_bytes + RECORDING_BYTES

    @property
    def all_held_bytes(self) -> int:
        """What it takes in memory with its others."""
        return self.held_bytes + sum(other.held_bytes for other in self.others)

    @property
    def longest_head_bytes(self) -> int:
        """The size of the longest head that the host has."""
        return max(len(self.head), *(len(other.head) for other in self.others), 0)

    def response(self, *, head_only: bool = False) -> Response:
        """Return what is sent; to a HEAD request, the head alone."""
        head = self.dated_head() if self.dated else self.head
        return Response(head, b"" if head_only else self.body, self.ending)

    def dated_head(self) -> bytes:
        """Return the head with the time of now in its Date field."""
        return self.head[: self.dated] + formatdate(usegmt=True).encode() + self.head[self.dated + len(SOME_DATE) :]


def read_recording(host: str, raw: bytes, sidecar: Sidecar = NOTHING_SAID, *, name: str | None = None) -> Recording:
    """Return the recording that `raw` is. `name`: the file's, if it is not the host's own. Raises Unplayable."""
    measures = measure_response(raw)
    interim, head = raw[: measures.begin], raw[measures.begin : measures.end]
    kept, status = raw[measures.end :], measures.status
    dated = any(name.lower() == b"date" and value == NOW for name, value in sidecar.fields.items())
    said = {name: SOME_DATE if dated and name.lower() == b"date" else value for name, value in sidecar.fields.items()}
    head = set_fields(head, said)
    fields = read_fields(head)
    if sidecar.after is BodyMode.BODY:
        chosen = body_to_play(kept, sidecar.body, status=status, fields=fields)
        body = chosen if isinstance(chosen, bytes) else made_body(chosen)
        plain = are_unambiguous(interim + head) and is_framed(measures.version, status, fields, body)
        keep = plain and wants_persistence(measures.version, fields)
        ending = Ending.KEEP if keep else Ending.CLOSE
    else:
        body = b""
        ending = Ending.CLOSE if sidecar.after is BodyMode.CLOSE else Ending.SILENCE
    return Recording(
        host=host,
        head=interim + head,
        body=body,
        status=status,
        ending=ending,
        sha256=hashlib.sha256(raw).hexdigest(),
        sidecar=sidecar,
        dated=len(interim) + date_at(head) if dated else 0,
        final=len(interim),
        name=f"{host}.http" if name is None else name,
    )


def unmatched(host: str) -> Recording:
    """Return what a host without a recording of its own answers where no other response is for the request."""
    return Recording(host, UNMATCHED_HEAD, UNMATCHED_BODY, 404, Ending.KEEP, sha256="")
