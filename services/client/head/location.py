"""Departures of the Location field (RFC 9110 section 10.2.2): one without a URI, and several that differ."""

from collections.abc import Sequence

from services.client.head.anomalies import Departure
from services.client.head.head import Field
from services.client.head.notes import Notes

CREATED = 201
NAME = b"location"


def has_plain_location(headers: Sequence[Field], status: int) -> bool:
    """Return whether the Location fields surely show no departure, which `fast_path` asks.

    True only where `note_location` would find none. False where it may find one.
    """
    if not location_has_meaning(status):
        return True
    locations = [value for name, value in headers if len(name) == len(NAME) and name.lower() == NAME]
    return not locations or (len(locations) == 1 and locations[0] != b"")


def location_has_meaning(status: int) -> bool:
    """Return whether the Location of a response with this status says where something is."""
    return 300 <= status < 400 or status == CREATED


def note_location(headers: Sequence[Field], offsets: Sequence[int], status: int, notes: Notes) -> None:
    """Note every departure that Location fields show; `offsets` are where the line of each field begins."""
    if not location_has_meaning(status):
        return
    first: bytes | None = None
    for (name, value), offset in zip(headers, offsets, strict=True):
        if name.lower() != NAME:
            continue
        if not value:
            notes.note(Departure.LOCATION_EMPTY, offset)
        if first is not None and value != first:
            notes.note(Departure.LOCATION_CONFLICT, offset)
        first = value if first is None else first
