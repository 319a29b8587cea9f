"""Which bodies a site can make where none was kept: those that the head describes, in a coding that is known here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.playable import MAX_RECORDING_BYTES, Unplayable

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
