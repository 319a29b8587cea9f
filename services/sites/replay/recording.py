"""A recording: the bytes of one response, and what a replayer has to know of them.

`<host>.http` is the raw response as it came: the head, the blank line, and the body if one was kept. Nothing in it is
normalised, and nothing here changes it but what `<host>.toml` beside it says (see `sidecar`). The fields are read to
learn where the response ends, and they are read as they are sent: those that the sidecar sets count.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from services.runtime.playable import BODILESS_STATUSES, are_unambiguous, body_to_play, measure_response, read_fields
from services.sites.faults.script import SHORT_BYTES, Ending, Response
from services.sites.http.body import made_body
from services.sites.replay.sidecar import NOTHING_SAID, BodyMode, Sidecar

CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
TRAILERS = re.compile(rb"(?:[^\r\n]++\r?\n)*+\r?\n")
DATE_FIELD = re.compile(rb"(?<=\n)date:[ \t]*", re.IGNORECASE)
VALUE_BEGINS = re.compile(rb":[ \t]*")
NOW = b"now"
RECORDING_BYTES = 4 * 1024  # its objects, its host's, and their counts
SOME_DATE = formatdate(0, usegmt=True).encode()  # every date is as long, so that offsets in the head are true


@dataclass(frozen=True, slots=True)
class Recording:
    """One site's response. `head` ends with its blank line; `body` is recorded, or made to fit.

    `final` is where the final head begins, after any interim ones; what is said of fields is said of that head.
    `dated`: where in `head` the value of the Date field is, which is to be the time of each answer; 0: there is none.
    `sha256` is the file's, in hex.
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

    @property
    def held_bytes(self) -> int:
        """What it takes in memory, with what a site makes of it: where it is short, one piece of head and body."""
        whole = len(self.head) + len(self.body)
        joined = whole if len(self.body) < SHORT_BYTES else 0
        return whole + joined + self.sidecar.held_bytes + RECORDING_BYTES

    def response(self, *, head_only: bool = False) -> Response:
        """Return what is sent; to a HEAD request, the head alone."""
        head = self.dated_head() if self.dated else self.head
        return Response(head, b"" if head_only else self.body, self.ending)

    def dated_head(self) -> bytes:
        """Return the head with the time of now in its Date field."""
        return self.head[: self.dated] + formatdate(usegmt=True).encode() + self.head[self.dated + len(SOME_DATE) :]


def read_recording(host: str, raw: bytes, sidecar: Sidecar = NOTHING_SAID) -> Recording:
    """Return the recording that `raw` is. Raises Unplayable."""
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
    )


def set_fields(head: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    """Return the head with each value in the first line of its field, wherever it stands; new fields come last.

    Names have no case: of two that differ in nothing else, the last one's value counts. Takes time for the head and the
    fields, and not for their product: a sidecar may have thousands.
    """
    blank = b"\r\n" if head.endswith(b"\r\n") else b"\n"
    lines = head.removesuffix(blank).split(b"\n")
    first: dict[bytes, int] = {}
    for index, line in enumerate(lines[1:], 1):
        name, colon, _value = line.partition(b":")
        if colon:
            first.setdefault(name.lower(), index)
    last = lines.pop()  # nothing, as the head's last line has its end
    for name, value in fields.items():
        index = first.setdefault(name.lower(), len(lines))
        if index == len(lines):
            lines.append(b"%s: %s%s" % (name, value, blank.removesuffix(b"\n")))
        else:
            lines[index] = with_value(lines[index], value)
    return b"\n".join([*lines, last]) + blank


def with_value(line: bytes, value: bytes) -> bytes:
    """Return a field line with another value; the spaces before it and the line's end stay."""
    begins = VALUE_BEGINS.search(line)
    at = begins.end() if begins else len(line)
    _old, end, rest = line[at:].partition(b"\r")
    return line[:at] + value + end + rest


def date_at(head: bytes) -> int:
    """Return where the value of a head's first Date field begins."""
    found = DATE_FIELD.search(head)
    return found.end() if found else 0


def is_framed(version: bytes, status: int, fields: Mapping[str, str], body: bytes) -> bool:
    """Return whether all clients can tell where this response ends while the connection stays open.

    A transfer coding where there can be none, in HTTP/1.0 or of a response without content, is read by some.
    """
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if status in BODILESS_STATUSES:
        return not body and coding is None and (status == 304 or length in {None, "0"})
    if status < 200:
        return False
    if coding is not None:
        return coding.lower() == "chunked" and version >= b"1.1" and length is None and ends_chunked(body)
    return length == str(len(body))


def ends_chunked(body: bytes) -> bool:
    """Return whether a body is whole in the chunked transfer coding, with nothing after it."""
    at = 0
    while chunk := CHUNK_HEAD.match(body, at):
        size = int(chunk[1], 16)
        if size == 0:
            trailers = TRAILERS.match(body, chunk.end())
            return trailers is not None and trailers.end() == len(body)
        at = chunk.end() + size
        if body[at : at + 2] != b"\r\n":
            return False
        at += 2
    return False


def wants_persistence(version: bytes, fields: Mapping[str, str]) -> bool:
    """Return whether a message lets its connection be used again (RFC 9112, section 9.3)."""
    options = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    return "close" not in options and (version >= b"1.1" or "keep-alive" in options)
