"""Departures of the Location field (RFC 9110 section 10.2.2): one without a URI, and several that differ."""

from collections.abc import Sequence

from services.client.head.anomalies import Departure
from services.client.head.head import Field
from services.client.head.notes import Notes

_CREATED = 201
_NAME = b"location"


def has_plain_location(headers: Sequence[Field], status: int) -> bool:
    """Whether the Location fields surely show no departure, which `fast_path` asks.

    True only where `note_location` would find none. False where it may find one.
    """
    if not says_where(status):
        return True
    locations = [value for name, value in headers if len(name) == len(_NAME) and name.lower() == _NAME]
    return not locations or (len(locations) == 1 and locations[0] != b"")


def says_where(status: int) -> bool:
    """Whether a Location means something in a response of this status."""
    return 300 <= status < 400 or status == _CREATED


def note_location(headers: Sequence[Field], offsets: Sequence[int], status: int, notes: Notes) -> None:
    """Note every departure that Location fields show; `offsets` are where the line of each field begins."""
    if not says_where(status):
        return
    first: bytes | None = None
    for (name, value), offset in zip(headers, offsets, strict=True):
        if name.lower() != _NAME:
            continue
        if not value:
            notes.note(Departure.LOCATION_EMPTY, offset)
        if first is not None and value != first:
            notes.note(Departure.LOCATION_CONFLICT, offset)
        first = value if first is None else first
