"""A HAR entry as a recorded response, or why it is none."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.client.errors import FetchError
from services.client.record.chain import next_url
from services.client.record.destinations import check_host
from services.client.record.fetch_request import source_of
from services.client.record.har.content import body_of
from services.client.record.har.head import LENGTH, field_of, head_of
from services.client.record.har.values import NotWanted, Skipped, shown, table, text, whole
from services.client.record.provenance import MaskedResponse
from services.client.record.request_match import RequestMatch, Unmatchable, match_of
from services.client.record.secrets import mask
from services.client.url.url import Url
from services.runtime.playable import BodySource, why_unplayable

WEB = re.compile(r"https?://", re.IGNORECASE)
DIGITS = re.compile(r"[0-9]{1,18}")
NO_CONTENT, NOT_MODIFIED = 204, 304
FIRST_FINAL, LAST_STATUS = 200, 599
NOT_THE_SAME_TWICE = {b"date", b"age", b"expires"}  # fields that may differ between answers that are the same


@dataclass(frozen=True, slots=True)
class HarResponse:
    """The response of an entry. `match`: which requests it is for; `when`: as the file says, empty if it does not.

    `left_out`: how many of its fields cannot be in a head.
    """

    url: Url
    match: RequestMatch
    status: int
    recording: MaskedResponse
    source: BodySource
    when: str
    left_out: int

    def is_like(self, other: "HarResponse") -> bool:
        """Return whether another response to the same request is the same answer, at another time.

        So is one that has the same head, with the length, where the file lacks the body of one of them.
        """
        mine, others = self.recording, other.recording
        return (self.source != other.source or mine.body == others.body) and lasting(mine.head) == lasting(others.head)


@dataclass(frozen=True, slots=True)
class HarOptions:
    """What is kept of an entry. `max_body`: bytes; a larger body is left out, and None leaves out each."""

    max_body: int | None
    keep_secrets: bool


def lasting(head: bytes) -> list[bytes]:
    """Return the lines of a head but those that tell the time."""
    return [line for line in head.split(b"\r\n") if line.partition(b":")[0].lower() not in NOT_THE_SAME_TWICE]


def label_of(entry: object, number: int) -> str:
    """Return the URL of an entry, to name it in a line; its number in the file, from 1, where it has none."""
    url = text(table(table(entry).get("request")).get("url"))
    return shown(url) if url else f"entry {number}"


def read_entry(entry: object, options: HarOptions) -> HarResponse:
    """Return the response of an entry. Raises Skipped, or NotWanted."""
    request, response = part(entry, "request"), table(table(entry).get("response"))
    url = url_of(text(request.get("url")))
    method = text(request.get("method")).upper()
    if not method:
        raise Skipped("its request has no method")
    try:
        match = match_of(method, url.path, keep_secrets=options.keep_secrets)
    except Unmatchable as error:
        raise Skipped(str(error)) from error
    status = status_of(part(entry, "response"))
    has_body = method != "HEAD" and status != NO_CONTENT
    body = body_to_keep(response) if has_body else b""
    head, left_out = head_of(response, status, length=length_of(response, body) if has_body else None)
    refuse_return(url, match, head, keep_secrets=options.keep_secrets)
    if options.max_body is None or (body is not None and len(body) > options.max_body):
        body = None
    source = BodySource.MADE if body is None else BodySource.RECORDED
    masked, secrets = mask(head)
    is_masked = bool(secrets) and not options.keep_secrets
    recording = MaskedResponse(masked if is_masked else head, body or b"", secrets, masked=is_masked)
    if reason := why_unplayable(recording.raw, source):
        raise Skipped(f"no site can play it: {reason}")
    return HarResponse(url, match, status, recording, source, time_of(entry), left_out)


def part(entry: object, name: str) -> Mapping[str, object]:
    """Return the request or the response of an entry. Raises Skipped where it has none."""
    found = table(table(entry).get(name))
    if not found:
        raise Skipped(f"it has no {name}" if isinstance(entry, dict) else "it is no object")
    return found


def url_of(given: str) -> Url:
    """Return the URL of a request. Raises Skipped where it is none, or its host none to record under; NotWanted."""
    if not given:
        raise Skipped("its request has no URL")
    if not WEB.match(given):
        raise NotWanted("it is not http or https")
    try:
        url = source_of(given)
        check_host(url.host)
    except FetchError as error:
        raise Skipped(error.detail) from error
    return url


def status_of(response: Mapping[str, object]) -> int:
    """Return the status. Raises Skipped for a response that is not final or not whole, NotWanted where none came."""
    status = whole(response.get("status"))
    if status is None:
        raise Skipped("its response has no status")
    if status == 0:
        raise NotWanted("it was blocked, or had no answer")
    if not FIRST_FINAL <= status <= LAST_STATUS:
        raise Skipped(f"status {str(status)[:10]} is no final one")
    if status == NOT_MODIFIED:
        raise Skipped("its content was in the browser's cache (304): disable the cache and save the file again")
    return status


def body_to_keep(response: Mapping[str, object]) -> bytes | None:
    """Return the body; None where the file has none, although there was one. Raises Skipped."""
    body = body_of(table(response.get("content")), field_of(response, "content-type"))
    return b"" if body is None and not size_of(response) else body


def length_of(response: Mapping[str, object], body: bytes | None) -> int:
    """Return the length of the body, also of one that the file does not have. Raises Skipped."""
    return size_of(response) if body is None else len(body)


def size_of(response: Mapping[str, object]) -> int:
    """Return the size of a body that the file does not have, decoded. Raises Skipped where nothing says it.

    A browser that left the page before it had read the body writes -1, which is not 0.
    """
    size = whole(table(response.get("content")).get("size"))
    if size is not None or whole(response.get("bodySize")) == 0:
        return size or 0
    length = field_of(response, LENGTH).strip()
    sent = int(length) if DIGITS.fullmatch(length) else 0
    if sent and field_of(response, "content-encoding"):
        raise Skipped("the file has neither its body, which was coded, nor the body's size")
    return sent


def refuse_return(url: Url, match: RequestMatch, head: bytes, *, keep_secrets: bool) -> None:
    """Raise NotWanted for a redirect to another scheme or port alone: a site answers both with one recording.

    So do browsers where a host wants https (RFC 6797): as a recording, that redirect would never end.
    """
    try:
        following = next_url(url, head)
    except FetchError:
        return
    if following is not None and following != url and following.host == url.host:
        with suppress(Unmatchable):
            if match_of("GET", following.path, keep_secrets=keep_secrets) == match:
                raise NotWanted(f"a site answers as {following.text} here")


def time_of(entry: object) -> str:
    """Return when the request began, in ISO 8601; empty where that is not said."""
    said = text(table(entry).get("startedDateTime"))[:40]
    try:
        return datetime.fromisoformat(said).isoformat()
    except ValueError:
        return ""
