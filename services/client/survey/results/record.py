"""The record: what is known of one target in the end, and the JSON line that says it (schema version 1).

The line is put together by hand where that pays. Its first keys are `v`, `line` and `target`, in this order, so that
to resume a survey, a million objects need not be parsed to know what is done.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import TypedDict

from services.client.head import Head
from services.client.head.fast_path import KEPT_BYTES, KEPT_HEADS
from services.client.head.head import Field
from services.client.head.to_json import head_to_json
from services.client.survey.results.tls import TlsJson

SCHEMA_VERSION = 1
PHASES = ("dns", "connect", "tls", "head", "total")


class Hop(TypedDict):
    """A redirect that was followed: the URL, the address that answered, its status, and its Location."""

    url: str
    ip: str | None
    status: int
    location: str


class Retried(TypedDict):
    """An attempt that was made again: how it ended."""

    url: str
    ip: str | None
    status: int | None
    error: str | None
    detail: str | None


@dataclass(slots=True)  # frozen, it would take 4 us more to make, of some 130 us for a whole fetch
class Record:
    """The result of a target. `head` is None exactly where `error` is not. `began_s`: Unix time.

    `began_s` is when the first look-up or connection was begun, after the wait for the survey's own limits.

    The times are of the last request, in seconds, None for a phase that was not reached; `total_s` is from the first
    look-up to the end, without the wait for the survey's own limits (--rate, --per-host).
    """

    line: int
    target: str
    loop: str
    url: str | None = None
    ip: str | None = None
    head: Head | None = None
    hops: Sequence[Hop] = ()
    attempts: int = 0
    retried: Sequence[Retried] = ()
    tls: TlsJson | None = None
    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    head_s: float | None = None
    total_s: float | None = None
    error: str | None = None
    detail: str | None = None
    began_s: float = field(default_factory=time.time)

    def seconds(self) -> tuple[float | None, ...]:
        """Return the times, in the order of PHASES."""
        return self.dns_s, self.connect_s, self.tls_s, self.head_s, self.total_s


def json_line(record: Record) -> bytes:
    """Return the record as one line of JSON, in ASCII."""
    dns, connect, tls, head, total = [
        "null" if seconds is None else f"{seconds * 1000:.3f}" for seconds in record.seconds()
    ]
    return (
        f'{{"v": {SCHEMA_VERSION}, "line": {record.line}, "target": {quoted(record.target)}, '
        f'"time": "{moment(record.began_s)}", '
        f'"url": {text(record.url)}, "ip": {text(record.ip)}, {head_members(record.head)}, '
        f'"hops": {listed(record.hops)}, "attempts": {record.attempts}, "retried": {listed(record.retried)}, '
        f'"tls": {json.dumps(record.tls) if record.tls else "null"}, '
        f'"timings_ms": {{"dns": {dns}, "connect": {connect}, "tls": {tls}, "head": {head}, "total": {total}}}, '
        f'"loop": "{record.loop}", "error": {text(record.error)}, "detail": {text(record.detail)}}}\n'
    ).encode("ascii")


def moment(unix_s: float) -> str:
    """Return a time in UTC, to the millisecond (RFC 3339)."""
    return millisecond(int(unix_s * 1000))


@lru_cache(maxsize=8)
def millisecond(unix_ms: int) -> str:
    """Return a millisecond in UTC; of the records of one millisecond, only the first has it made."""
    whole, thousandths = divmod(unix_ms, 1000)
    return f"{second(whole)}.{thousandths:03}Z"


@lru_cache(maxsize=8)
def second(unix_s: int) -> str:
    """Return a whole second in UTC, as `millisecond` does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_s))


def text(value: str | None) -> str:
    """Return a JSON string or null."""
    return "null" if value is None else quoted(value)


def listed(values: Sequence[Hop] | Sequence[Retried]) -> str:
    return json.dumps(values) if values else "[]"


NO_HEAD = (
    '"http_version": null, "status": null, "reason": null, "headers": [], "interim": [], "anomalies": [], "raw": null'
)


def head_members(head: Head | None) -> str:
    """Return the members that say what the head said; those of no head are null or empty."""
    if head is None:
        return NO_HEAD
    if head.interim or head.anomalies or b"\\" in head.raw:
        members = dict(head_to_json(head))
        del members["head_bytes"]
        # What departs from the rules has been read as the rules say (a NUL as a space): the bytes tell what it was.
        members["raw"] = head.wire.decode("latin-1") if head.anomalies else None
        return json.dumps(members)[1:-1]
    make = kept_members if len(head.raw) <= KEPT_BYTES else plain_members
    return make(head.http_version, head.status, head.reason, head.headers)


def plain_members(http_version: str, status: int, reason: bytes, headers: tuple[Field, ...]) -> str:
    """Return the members of a head without anomalies, interim heads and backslashes."""
    # Every header in one string, encoded in one call, taken apart at control characters that no value can hold:
    # the reader has noted those as anomalies. A backslash could look like one of them in JSON: see the branch above.
    joined = b"\x02".join([name + b"\x01" + value for name, value in headers])
    inner = quoted(joined.decode("latin-1")).replace("\\u0001", '", "').replace("\\u0002", '"], ["')
    return (
        f'"http_version": "{http_version}", "status": {status}, '
        f'"reason": {quoted(reason.decode("latin-1"))}, "headers": [{f"[{inner}]" if joined else ""}], '
        f'"interim": [], "anomalies": [], "raw": null'
    )


kept_members = lru_cache(maxsize=KEPT_HEADS)(plain_members)  # the reader keeps equal heads, too
