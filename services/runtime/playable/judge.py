"""The judge: whether a site can play a response. Those who record ask it what the site's own reader will say."""

from collections.abc import Mapping
from enum import Enum

from services.runtime.playable import MAX_RECORDING_BYTES, Unplayable
from services.runtime.playable.fields import read_fields
from services.runtime.playable.heads import Measures, measure_heads
from services.runtime.playable.made import MadeBody, made_body_for


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
