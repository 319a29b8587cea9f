"""The framing of the content by Content-Length and Transfer-Encoding, and contradictions between them.

A head can be read whatever they say, so a survey lists the departure and goes on. A program that also reads the content
must not go on: where two readers frame it differently, requests can be smuggled (RFC 9112 §11.2).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.client.head.anomalies import Departure
from services.client.head.head import Field
from services.client.head.notes import Notes
from services.client.head.status_line import StatusLine

_BEFORE_HTTP_1_1 = ("HTTP/1.0", "HTTP/1", "HTTP/0.9", "ICY")
_MAX_LENGTH = 2**64 - 1
_MAX_DIGITS = 20

# Possessive throughout: a value may be as long as a head, and must not make the pattern try again and again.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[^"\\]|\\.)*+"'
_OWS = rb"[ \t]*+"
_PARAMETER = rb"(?:%b;%b%b%b=%b(?:%b|%b))" % (_OWS, _OWS, _TOKEN, _OWS, _OWS, _TOKEN, _QUOTED)
_CODING = re.compile(rb"%b(%b)(%b*+)%b(?:,|\Z)" % (_OWS, _TOKEN, _PARAMETER, _OWS))


class _Placed(NamedTuple):
    value: bytes
    offset: int


def has_plain_framing(headers: Sequence[Field], status: int, minor_version: bytes) -> bool:
    """Return whether the framing fields surely show no departure, which `fast_path` asks.

    True only where `note_framing` would find none. False where it may find one.
    """
    framing = [(name.lower(), value) for name, value in headers if len(name) in (14, 17)]
    lengths = [value for name, value in framing if name == b"content-length"]
    codings = [value for name, value in framing if name == b"transfer-encoding"]
    if not lengths and not codings:
        return True
    if len(lengths) + len(codings) > 1 or status < 200 or status == 204:
        return False
    if lengths:
        return lengths[0].isdigit() and len(lengths[0]) < _MAX_DIGITS
    return codings[0].lower() == b"chunked" and minor_version == b"1"


def note_framing(headers: Sequence[Field], offsets: Sequence[int], line: StatusLine, notes: Notes) -> None:
    """Note every departure that the framing fields of a head show.

    Arguments:
        headers: the fields, in wire order.
        offsets: where the line of each begins.
        line: the status line that they came with.
        notes: takes the departures.
    """
    lengths = _named(b"content-length", headers, offsets)
    codings = _named(b"transfer-encoding", headers, offsets)
    has_no_content = 100 <= line.status < 200 or line.status == 204
    if lengths:
        _note_lengths(lengths, notes)
        if has_no_content:
            notes.note(Departure.CONTENT_LENGTH_FORBIDDEN, lengths[0].offset)
    if codings:
        _note_codings(codings, notes)
        if has_no_content:
            notes.note(Departure.TRANSFER_ENCODING_FORBIDDEN, codings[0].offset)
        if line.http_version.upper() in _BEFORE_HTTP_1_1:
            notes.note(Departure.TRANSFER_ENCODING_IN_HTTP_1_0, codings[0].offset)
    if lengths and codings:
        notes.note(Departure.TRANSFER_ENCODING_WITH_CONTENT_LENGTH, max(lengths[0].offset, codings[0].offset))


def _named(wanted: bytes, headers: Sequence[Field], offsets: Sequence[int]) -> list[_Placed]:
    return [
        _Placed(value, offset) for (name, value), offset in zip(headers, offsets, strict=True) if name.lower() == wanted
    ]


def _note_lengths(lengths: list[_Placed], notes: Notes) -> None:
    numbers: list[bytes] = []
    for value, offset in lengths:
        for element in value.split(b","):
            number = element.strip(b" \t")
            if not number.isdigit():
                notes.note(Departure.CONTENT_LENGTH_INVALID, offset)
                continue
            # Compared as text: Python refuses to make an int of thousands of digits.
            number = number.lstrip(b"0") or b"0"
            if len(number) > _MAX_DIGITS or int(number) > _MAX_LENGTH:
                notes.note(Departure.CONTENT_LENGTH_OVERFLOW, offset)
            if numbers:
                same = number == numbers[0]
                notes.note(Departure.CONTENT_LENGTH_REPEATED if same else Departure.CONTENT_LENGTH_CONFLICT, offset)
            numbers.append(number)


def _note_codings(codings: list[_Placed], notes: Notes) -> None:
    chunked = 0
    for value, offset in codings:
        end = 0
        while (match := _CODING.match(value, end)) and match.end() > end:
            end = match.end()
            coding, parameters = match.groups()
            if coding.lower() == b"chunked":
                chunked += 1
                if chunked > 1:
                    notes.note(Departure.TRANSFER_ENCODING_CHUNKED_TWICE, offset)
                if parameters:  # RFC 9112 §7.1: chunked has none; treat them as an error
                    notes.note(Departure.TRANSFER_ENCODING_INVALID, offset)
        if end < len(value) or not value or value.endswith(b","):
            notes.note(Departure.TRANSFER_ENCODING_INVALID, offset)
