"""The head of a HAR entry: a status line and fields that fit a body without any coding.

Each line is made from a name that is a token and a value without control characters, so no value begins another line.
Browsers join repeated Set-Cookie fields with a line feed: such a value is as many fields.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from services.client.record.har.values import Skipped, array, table, text
from services.runtime.http import TOKEN_CHARACTERS
from services.runtime.playable import MAX_HEAD_BYTES

NAME = re.compile(rf"[{TOKEN_CHARACTERS}]{{1,256}}")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
OF_THE_CODING = {"content-encoding", "transfer-encoding", "trailer"}  # the body in the file has none
LENGTH = "content-length"
MAX_FIELDS = 1_000

Field = tuple[str, bytes]


def head_of(response: Mapping[str, object], status: int, *, length: int | None) -> tuple[bytes, int]:
    """Return the head, and how many fields are left out since they cannot be in one. Raises Skipped.

    `length`: of the body; None leaves the Content-Length as it is, for a response without a body.
    """
    fields, left_out = read_fields(response)
    if status == HTTPStatus.NO_CONTENT:
        fields = [field for field in fields if field[0].lower() != LENGTH]  # RFC 9110, section 8.6
    version = "1.0" if text(response.get("httpVersion")).strip().upper() == "HTTP/1.0" else "1.1"
    lines = [f"HTTP/{version} {status} ".encode() + reason_of(response, status), *map(line_of, fitting(fields, length))]
    head = b"".join(line + b"\r\n" for line in (*lines, b""))
    if len(head) > MAX_HEAD_BYTES:
        raise Skipped(f"its head has more than {MAX_HEAD_BYTES:,} bytes")
    return head, left_out


def field_of(response: Mapping[str, object], name: str) -> str:
    """Return the first field of this name, which is in lower case; empty if there is none."""
    headers = (table(header) for header in array(response.get("headers")))
    return next((text(each.get("value")) for each in headers if text(each.get("name")).lower() == name), "")


def read_fields(response: Mapping[str, object]) -> tuple[list[Field], int]:
    """Return the fields, and how many are none. Raises Skipped for too many."""
    headers = array(response.get("headers"))
    if len(headers) > MAX_FIELDS:
        raise Skipped(f"it has more than {MAX_FIELDS:,} fields")
    fields, left_out = [], 0
    for header in map(table, headers):
        name, value = text(header.get("name")), header.get("value")
        if name.startswith(":"):  # of HTTP/2 (RFC 9113, section 8.3): the status line says it
            continue
        found = values_of(value) if isinstance(value, str) and NAME.fullmatch(name) else []
        fields += [(name, each) for each in found]
        left_out += not found
    return fields, left_out


def values_of(joined: str) -> list[bytes]:
    """Return the values of a field; none where one of them has a character that no field can have."""
    values = [
        value.encode("latin-1" if all(character <= "\xff" for character in value) else "utf-8", "replace")
        for value in joined.split("\n")
    ]
    return [value.strip(b" \t") for value in values] if all(map(VALUE.fullmatch, values)) else []


def fitting(fields: list[Field], length: int | None) -> list[Field]:
    """Return the fields that fit a body of this length: Content-Length once, where it was or at the end."""
    kept = [field for field in fields if field[0].lower() not in OF_THE_CODING]
    if length is None:
        return kept
    at = next((index for index, (name, _) in enumerate(kept) if name.lower() == LENGTH), len(kept))
    name = kept[at][0] if at < len(kept) else "Content-Length"
    others = [field for field in kept if field[0].lower() != LENGTH]
    return [*others[:at], (name, b"%d" % length), *others[at:]]


def line_of(field: Field) -> bytes:
    """Return a field line, without its end."""
    return field[0].encode("ascii") + b": " + field[1]


def reason_of(response: Mapping[str, object], status: int) -> bytes:
    """Return the reason phrase; HTTP/2 has none, so it is the usual one then."""
    said = text(response.get("statusText")).encode("latin-1", "replace")
    if said and VALUE.fullmatch(said):
        return said
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
