"""The rules for a recording that a site can replay, shared by the programs that record and those that replay.

A recording is a response as a server sent it: heads, and perhaps a body. `why_unplayable` judges one; `body_to_play`
says which body a site sends, the recorded one or one that it makes.

Interim heads (1xx) may come before the final one. 101 is a final head, since another protocol follows it and no other
head (RFC 9110, section 15.2.2). An empty line ends a head; as for curl, it may have any number of CRs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from services.runtime.http import TOKEN_CHARACTERS

MAX_RECORDING_BYTES = 8 * 1024 * 1024  # also of a body that a site makes, where none was recorded
MAX_HEAD_BYTES = 256 * 1024
MAX_RECORDINGS = 10_000  # of one site

BODILESS_STATUSES = frozenset({204, 304})
SMALLEST_BODIES: Mapping[str, int] = {"": 1, "identity": 1, "gzip": 20, "x-gzip": 20, "deflate": 8, "br": 1, "zstd": 9}
"""The smallest body of each content coding that a site can make, in bytes; 0 bytes can always be made."""

STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n")
HEAD_END = re.compile(rb"\n\r*+\n")
# RFC 9112, sections 4 and 5: no folded line, no whitespace before a colon, no control character, and each name a token.
# A bare LF ends a line for all clients that read on after it.
UNAMBIGUOUS_HEADS = re.compile(
    rb"(?:HTTP/1\.[0-9] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*+)?\r?\n"
    rb"(?:[%s]++:[\t\x20-\x7e\x80-\xff]*+\r?\n)*+\r?\n)++" % TOKEN_CHARACTERS.encode()
)
AROUND_VALUE = " \t\r"
AROUND_NAME = " \t"


class Unplayable(ValueError):
    """A response that no site can replay; the text is the reason."""


class BodySource(Enum):
    """Where the body of a replayed response comes from."""

    RECORDED = "recorded"
    MADE = "made"


@dataclass(frozen=True, slots=True)
class MadeBody:
    """The body that a site must make. `size_bytes`: None where the head leaves it to the site."""

    coding: str
    size_bytes: int | None
    chunked: bool = False


NO_BODY = MadeBody("", 0)


class HeadMeasures(NamedTuple):
    """The heads of a response: where the final one begins, its fields begin, and it ends; its status and version."""

    begin: int
    fields: int
    end: int
    status: int
    version: bytes


def is_recording(name: str) -> bool:
    """Return whether a file's name is that of a recording; files of editors and file managers begin with a dot."""
    return name.endswith(".http") and not name.startswith(".")


def why_unplayable(raw: bytes, source: BodySource | None) -> str | None:
    """Return why no site can replay a response; None where one can."""
    try:
        measures = measure_response(raw)
        fields = read_fields(raw[measures.begin : measures.end])
        body_to_play(raw[measures.end :], source, status=measures.status, fields=fields)
    except Unplayable as error:
        return str(error)
    return None


def measure_response(raw: bytes) -> HeadMeasures:
    """Measure the heads of a whole response. Raises Unplayable."""
    if not raw:
        raise Unplayable("is empty")
    if len(raw) > MAX_RECORDING_BYTES:
        raise Unplayable(f"is larger than {MAX_RECORDING_BYTES:,} bytes")
    return measure_heads(raw)


def measure_heads(raw: bytes, *, most: int = MAX_HEAD_BYTES) -> HeadMeasures:
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
            return HeadMeasures(begin, line.end(), end.end(), status, line[1] + b"." + line[2])
        begin = end.end()


def are_unambiguous(heads: bytes) -> bool:
    """Return whether every client reads the same fields in these heads, which end with their empty lines.

    In other heads, a field that a site reads as `Content-Length: 3` may be a part of the field before it, or no field.
    """
    return UNAMBIGUOUS_HEADS.fullmatch(heads) is not None


def read_fields(head: bytes) -> dict[str, str]:
    """Return the fields by lower-case name, repeated ones joined by a comma; a line without a colon is left out.

    Only spaces and tabs around a name or a value are removed (RFC 9112, section 5): `\\vchunked` is no known coding.
    A line that begins with one of them continues the value of the line before.
    """
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in head.decode("latin-1").split("\n")[1:]:
        if line[:1] in {" ", "\t"}:
            if values:
                values.append(f"{values.pop()} {line.strip(AROUND_VALUE)}".strip(AROUND_VALUE))
            continue
        name, colon, value = line.partition(":")
        if colon:
            values = fields.setdefault(name.strip(AROUND_NAME).lower(), [])
            values.append(value.strip(AROUND_VALUE))
    return {name: ", ".join(values) for name, values in fields.items()}


def body_to_play(
    recorded: bytes, source: BodySource | None, *, status: int, fields: Mapping[str, str]
) -> bytes | MadeBody:
    """Return the body that a site sends after its head: the recorded one, or what it must make. Raises Unplayable.

    `source`: what the sidecar says; without it, a recorded body of one byte or more is sent, and else one is made.
    """
    if source is BodySource.RECORDED or (source is None and recorded):
        return recorded
    return made_body_for(status, fields)


def made_body_for(status: int, fields: Mapping[str, str]) -> MadeBody:
    """Return the body that a head promises (RFC 9112, section 6.3). Raises Unplayable where none can be made."""
    if status < 200 or status in BODILESS_STATUSES:
        return NO_BODY
    coding = fields.get("content-encoding", "").lower()
    chunked = "transfer-encoding" in fields
    size = None if chunked or "content-length" not in fields else read_content_length(fields["content-length"])
    check_makable(coding, size)
    return MadeBody(coding, size, chunked)


def read_content_length(value: str) -> int:
    """Return the number in a Content-Length, which may be repeated (RFC 9110, section 8.6). Raises Unplayable."""
    numbers = {number.strip(" \t") for number in value.split(",")}
    number = numbers.pop()
    if numbers or not re.fullmatch(r"[0-9]{1,19}", number):
        raise Unplayable(f"Content-Length {value[:40]!r} is not one number: record the body too, or let nothing follow")
    if int(number) > MAX_RECORDING_BYTES:
        raise Unplayable(f"Content-Length {number} is over the {MAX_RECORDING_BYTES:,} bytes that a made body may have")
    return int(number)


def check_makable(coding: str, size_bytes: int | None) -> None:
    """Raise Unplayable for a content coding (lower case) that no site makes, and for a size that it cannot have."""
    if size_bytes == 0:
        return
    if coding not in SMALLEST_BODIES:
        raise Unplayable(f"no body can be made for Content-Encoding {coding[:40]!r}: record one, or let nothing follow")
    if size_bytes is not None and size_bytes < SMALLEST_BODIES[coding]:
        raise Unplayable(f"no {coding} body has {size_bytes} bytes")
