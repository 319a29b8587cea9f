"""What a recording has to be so that a site can play it: for those who make one, and for those who play it.

`why_unplayable` judges a response, and `body_to_play` says which body a site sends: the recorded one, or one that is
made. `measure_heads` finds where the heads end: interim ones (1xx) may come before the final one. 101 is a final head,
since another protocol follows it and no other head (RFC 9110, section 15.2.2). An empty line ends a head, and a line of
nothing but CRs is an empty line, as for curl.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

MAX_RECORDING_BYTES = 8 * 1024 * 1024  # also of a body that a site makes, where none was recorded
MAX_HEAD_BYTES = 256 * 1024


class Unplayable(ValueError):
    """A response that no site can play; the text is the reason."""


def is_recording(name: str) -> bool:
    """Return whether a file's name is that of a recording; those of editors and file managers begin with a dot."""
    return name.endswith(".http") and not name.startswith(".")


# What every reader takes for the same heads. RFC 9112, section 4 and 5: neither a folded line, nor whitespace before a
# colon, nor a control character, nor a name that is no token. A bare LF ends a line for all that read on after it.
PLAIN_HEADS = re.compile(
    rb"(?:HTTP/1\.[0-9] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*+)?\r?\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r?\n)*+\r?\n)++"
)
AROUND = " \t\r"


def read_fields(head: bytes) -> dict[str, str]:
    """Return the fields by lower-case name, repeated ones joined by a comma; what is no field is passed over.

    Only spaces and tabs around a name or a value are not its own (RFC 9112, section 5): `\\vchunked` is no coding that
    is known. A line that begins with one goes on with the value before it.
    """
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in head.decode("latin-1").split("\n")[1:]:
        if line[:1] in {" ", "\t"}:
            if values:
                values.append(f"{values.pop()} {line.strip(AROUND)}".strip(AROUND))
            continue
        name, colon, value = line.partition(":")
        if colon:
            values = fields.setdefault(name.strip(" \t").lower(), [])
            values.append(value.strip(AROUND))
    return {name: ", ".join(values) for name, values in fields.items()}


def are_plain(heads: bytes) -> bool:
    """Return whether every client reads the same fields in these heads, the blank lines included.

    What a site reads as `Content-Length: 3`, another may read as a part of the field before, or not at all.
    """
    return PLAIN_HEADS.fullmatch(heads) is not None


STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n")
HEAD_END = re.compile(rb"\n\r*+\n")


class Measures(NamedTuple):
    """Where the final head begins, after its status line, and after its blank line; its status and its version."""

    begin: int
    fields: int
    end: int
    status: int
    version: bytes


def measure_heads(raw: bytes, *, most: int = MAX_HEAD_BYTES) -> Measures:
    """Measure the heads that a response begins with, of `most` bytes together. Raises Unplayable where it has none."""
    begin = 0
    while True:
        line = STATUS_LINE.match(raw, begin)
        if not line:
            raise Unplayable(f"has no status line at byte {begin}: `HTTP/1.1 200 OK`, with or without a reason")
        end = HEAD_END.search(raw, line.end() - 1, most)
        if not end:
            raise Unplayable(f"no blank line ends its head within {most:,} bytes")
        status = int(line[3])
        if not 100 <= status < 200 or status == 101:
            return Measures(begin, line.end(), end.end(), status, line[1] + b"." + line[2])
        begin = end.end()


BODILESS = frozenset({204, 304})
LEAST_BYTES: Mapping[str, int] = {"": 1, "identity": 1, "gzip": 20, "x-gzip": 20, "deflate": 8, "br": 1, "zstd": 9}
"""The smallest body of each content coding; of none at all, 0 bytes are always a body."""


@dataclass(frozen=True, slots=True)
class MadeBody:
    """What a made body has to be. `size_bytes`: None where the head leaves it to the site."""

    coding: str
    size_bytes: int | None
    chunked: bool = False


NO_BODY = MadeBody("", 0)


def made_body_for(status: int, fields: Mapping[str, str]) -> MadeBody:
    """Return the body that a head promises (RFC 9112, section 6.3). Raises Unplayable where none can be made."""
    if status < 200 or status in BODILESS:
        return NO_BODY
    coding = fields.get("content-encoding", "").lower()
    chunked = "transfer-encoding" in fields
    size = None if chunked or "content-length" not in fields else promised_bytes(fields["content-length"])
    check_makable(coding, size)
    return MadeBody(coding, size, chunked)


def promised_bytes(length: str) -> int:
    """Return what a Content-Length says; the same number again and again is one (RFC 9110, section 8.6)."""
    members = {member.strip(" \t") for member in length.split(",")}
    number = members.pop()
    if members or not re.fullmatch(r"[0-9]{1,19}", number):
        raise Unplayable(
            f"Content-Length {length[:40]!r} is not one number: record the body too, or let nothing follow"
        )
    if int(number) > MAX_RECORDING_BYTES:
        raise Unplayable(f"Content-Length {number} is over the {MAX_RECORDING_BYTES:,} bytes that a made body may have")
    return int(number)


def check_makable(coding: str, size_bytes: int | None) -> None:
    """Raise Unplayable for a content coding (lower case) that is not known, and for a size that it cannot have."""
    if size_bytes == 0:
        return
    if coding not in LEAST_BYTES:
        raise Unplayable(f"no body can be made for Content-Encoding {coding[:40]!r}: record one, or let nothing follow")
    if size_bytes is not None and size_bytes < LEAST_BYTES[coding]:
        raise Unplayable(f"no {coding} body has {size_bytes} bytes")


class BodySource(Enum):
    """Where the body comes from that a site plays."""

    RECORDED = "recorded"
    MADE = "made"


def take_apart(raw: bytes) -> Measures:
    """Return where the heads of a response are. Raises Unplayable."""
    if not raw:
        raise Unplayable("is empty")
    if len(raw) > MAX_RECORDING_BYTES:
        raise Unplayable(f"is larger than {MAX_RECORDING_BYTES:,} bytes")
    return measure_heads(raw)


def body_to_play(kept: bytes, source: BodySource | None, *, status: int, fields: Mapping[str, str]) -> bytes | MadeBody:
    """Return the body that a site plays after its head: what was kept, or what is to be made. Raises Unplayable.

    `source`: what the sidecar says; None where it says nothing, and what was kept counts, if it is anything.
    """
    if source is BodySource.RECORDED or (source is None and kept):
        return kept
    return made_body_for(status, fields)


def why_unplayable(raw: bytes, source: BodySource | None) -> str | None:
    """Return why no site can play a response, None if one can."""
    try:
        measures = take_apart(raw)
        fields = read_fields(raw[measures.begin : measures.end])
        body_to_play(raw[measures.end :], source, status=measures.status, fields=fields)
    except Unplayable as error:
        return str(error)
    return None
