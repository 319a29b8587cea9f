"""The libraries that come nearest to the head reader, each asked the same: what is the head in these bytes?

Every answer has one form, so that answers can be compared: a `Reading`, or `REFUSED`, or `WAITING` where the
library would go on reading if the stream did.
"""

import http.client
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

import h11
import httptools

from services.client.head import HeadError, HeadReader

REFUSED: Literal["refuses"] = "refuses"
WAITING: Literal["waits"] = "waits"
READ: Literal["reads"] = "reads"


@dataclass(frozen=True, slots=True)
class Reading:
    """A final head as a library shows it; names in lower case, since h11 has only those for values it joins."""

    version: str
    status: int
    reason: bytes
    fields: tuple[tuple[bytes, bytes], ...]


Answer = Reading | Literal["refuses", "waits"]


def difference(ours: Answer, theirs: Answer) -> str | None:
    """Say in a word or two how their answer differs from ours: `refuses`, `reads`, `status, fields`, or None."""
    if ours == theirs:
        return None
    if isinstance(theirs, str):
        return theirs
    if isinstance(ours, str):
        return READ
    parts = [part.name for part in fields(Reading) if getattr(ours, part.name) != getattr(theirs, part.name)]
    return ", ".join(parts)


def ask_us(data: bytes, *, strict: bool) -> Answer:
    """The head reader's answer, in either mode."""
    reader = HeadReader(strict=strict)
    try:
        head = reader.feed(data)
    except HeadError:
        return REFUSED
    if head is None:
        return WAITING
    return Reading(
        head.http_version.removeprefix("HTTP/"),
        head.status,
        head.reason,
        tuple((name.lower(), value) for name, value in head.headers),
    )


def ask_h11(data: bytes) -> Answer:
    """h11, as a client that has sent a GET."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    try:
        if data:  # no bytes would mean the end of the stream
            connection.receive_data(data)
        event = connection.next_event()
        while isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            event = connection.next_event()
    except h11.RemoteProtocolError:
        return REFUSED
    if not isinstance(event, h11.Response | h11.InformationalResponse):
        return WAITING
    headers = tuple((name.lower(), value) for name, value in event.headers.raw_items())
    return Reading(event.http_version.decode("ascii"), event.status_code, bytes(event.reason), headers)


@dataclass(slots=True)
class _Messages:
    """What httptools calls as it reads; the state of the last message, and whether its head is complete."""

    reason: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    on_head: Callable[[], None] = lambda: None

    def on_message_begin(self) -> None:
        self.reason = b""
        self.fields = []

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.on_head()


def ask_httptools(data: bytes) -> Answer:
    """httptools, which is llhttp with none of its leniencies: what Node.js reads."""
    messages = _Messages()
    parser = httptools.HttpResponseParser(messages)
    readings: list[Reading] = []

    def keep() -> None:
        version, status = parser.get_http_version(), parser.get_status_code()
        readings.append(Reading(version, status, messages.reason, tuple(messages.fields)))

    messages.on_head = keep
    refused = False
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        refused = True
    # An error after a final head is about the content, which is not read here.
    for reading in readings:
        if not 100 <= reading.status < 200 or reading.status == 101:
            return reading
    return REFUSED if refused else WAITING


class _Socket:
    """As much of a socket as http.client needs."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def ask_http_client(data: bytes) -> Answer:
    """The standard library's client. It takes the end of the stream for the end of the head, so it never waits."""
    response = http.client.HTTPResponse(_Socket(data))  # type: ignore[arg-type]
    try:
        response.begin()
    except (http.client.HTTPException, ValueError):
        return REFUSED
    version = {9: "0.9", 10: "1.0", 11: "1.1"}[response.version]
    headers = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.msg.items())
    return Reading(version, response.status, response.reason.encode("latin-1"), headers)


@dataclass(frozen=True, slots=True)
class Peer:
    """A library, and the mode of ours that is nearest to it."""

    ask: Callable[[bytes], Answer]
    strict: bool


PEERS: Mapping[str, Peer] = {
    "h11": Peer(ask_h11, strict=True),
    "httptools": Peer(ask_httptools, strict=True),
    "http.client": Peer(ask_http_client, strict=False),
}
