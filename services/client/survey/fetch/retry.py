"""Which errors and statuses are worth another attempt, and when.

Only what may well be different the next time: a connection that broke or took too long, a resolver that is busy, a
server that says so itself (RFC 9110, sections 10.2.3 and 15). A refusal, a bad certificate or a bad head is an answer.
"""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from services.client.errors import FetchError
from services.client.head import Head

TRANSIENT_ERRORS = {"connect_timeout", "reset", "closed", "truncated_head", "head_timeout"}
TRANSIENT_STATUSES = {408, 429, 500, 502, 503, 504}
FIRST_S = 0.5
MAX_S = 8.0
MAX_RETRY_AFTER_S = 30.0


def is_transient(error: FetchError) -> bool:
    """Return whether the same request may well do better."""
    return error.kind in TRANSIENT_ERRORS or error.transient


def pause_s(attempt: int, head: Head | None = None) -> float:
    """Return how long to wait after that attempt (from 1): a random part of an exponentially growing time.

    All of it is random ("full jitter"), so that clients which failed together do not come back together. A server's
    Retry-After is honoured, up to MAX_RETRY_AFTER_S.
    """
    jitter = random.uniform(0, min(MAX_S, FIRST_S * 2 ** (attempt - 1)))
    asked = retry_after_s(head.headers) if head else 0.0
    return min(asked, MAX_RETRY_AFTER_S) + jitter if asked else jitter


def retry_after_s(headers: Sequence[tuple[bytes, bytes]], now: datetime | None = None) -> float:
    """Return the seconds that a Retry-After field asks for (RFC 9110, section 10.2.3); 0 where it is not to be read."""
    for name, value in headers:
        if name.lower() != b"retry-after":
            continue
        text = value.decode("latin-1").strip()
        if text.isascii() and text.isdigit():
            return float(text[:12])
        from email.utils import parsedate_to_datetime  # a slow import, and a rare need

        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - (now or datetime.now(UTC))).total_seconds()
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0
    return 0.0
