"""A recording: the bytes of one response, and what a replayer has to know of them.

`<host>.http` is the raw response as it came: the head, the blank line, and the body if one was kept. Nothing in it is
normalised, and nothing here changes it; the fields are read only to learn where the response ends.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from services.sites.body import PAGE, CannotFit, made_body

MAX_RECORDING_BYTES = 8 * 1024 * 1024
MAX_HEAD_BYTES = 256 * 1024
MAX_RECORDINGS = 10_000

HEAD_END = re.compile(rb"\n\r?\n")
STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n")
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
BODILESS = {204, 304}


class BadRecording(Exception):
    """A recording cannot be played; the text names the file and the reason."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file.name}: {reason}")
        self.file, self.reason = file, reason


@dataclass(frozen=True, slots=True)
class Recording:
    """One site's response. `head` ends with its blank line; `body` is recorded, or made to fit.

    `persistent` says whether the head lets the connection be used again (RFC 9112, section 9.3).
    """

    host: str
    head: bytes
    body: bytes
    status: int
    persistent: bool


def load_recordings(directory: Path, *, hosts: tuple[str, ...] = ()) -> dict[str, Recording]:
    """Return the recordings of `hosts` (all, unless named), by host name.

    Raises BadRecording for the first one that cannot be played, or is not there.
    """
    wanted = sorted(directory.glob("*.http")) if not hosts else [directory / f"{host}.http" for host in hosts]
    if not wanted:
        raise BadRecording(directory, "holds no recording (*.http)")
    if len(wanted) > MAX_RECORDINGS:
        raise BadRecording(directory, f"holds {len(wanted)} recordings, and {MAX_RECORDINGS} is the limit")
    return {recording.host: recording for recording in map(load_recording, wanted)}


def load_recording(file: Path) -> Recording:
    """Read one file; the host is its name without `.http`."""
    host = file.stem.lower()
    if not HOST_NAME.fullmatch(host):
        raise BadRecording(file, "its name is not a host name followed by .http")
    try:
        with file.open("rb") as source:
            raw = source.read(MAX_RECORDING_BYTES + 1)
    except OSError as error:
        raise BadRecording(file, error.strerror or str(error)) from error
    try:
        return read_recording(host, raw)
    except ValueError as error:
        raise BadRecording(file, str(error)) from error
    except CannotFit as error:
        raise BadRecording(file, str(error)) from error


def read_recording(host: str, raw: bytes) -> Recording:
    """Return the recording that `raw` is. Raises ValueError, or CannotFit for a head that no body fits."""
    if not raw:
        raise ValueError("is empty")
    if len(raw) > MAX_RECORDING_BYTES:
        raise ValueError(f"is larger than {MAX_RECORDING_BYTES:,} bytes")
    status_line = STATUS_LINE.match(raw)
    if not status_line:
        raise ValueError("does not begin with a status line")
    end = HEAD_END.search(raw, 0, MAX_HEAD_BYTES)
    if not end:
        raise ValueError(f"no blank line ends its head within {MAX_HEAD_BYTES:,} bytes")
    head, kept = raw[: end.end()], raw[end.end() :]
    version, status = status_line[1] + b"." + status_line[2], int(status_line[3])
    fields = read_fields(head)
    framed = status in BODILESS or "content-length" in fields or "transfer-encoding" in fields
    return Recording(
        host=host,
        head=head,
        body=kept or fitting_body(status, fields),
        status=status,
        persistent=framed and wants_persistence(version, fields),
    )


def read_fields(head: bytes) -> dict[str, str]:
    """Return the fields by lower-case name, repeated ones joined by a comma; what is no field is passed over."""
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return fields


def fitting_body(status: int, fields: dict[str, str]) -> bytes:
    """Return the body that this head promises (RFC 9112, section 6.3)."""
    if status < 200 or status in BODILESS:
        return b""
    coding = fields.get("content-encoding", "").lower()
    if "transfer-encoding" in fields:
        body = made_body(coding, len(PAGE))
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    if "content-length" not in fields:
        return made_body(coding, len(PAGE))
    length = fields["content-length"]
    if not re.fullmatch(r"\d{1,19}", length):
        raise ValueError(f"Content-Length {length[:40]!r} is not one number: record the body too")
    if int(length) > MAX_RECORDING_BYTES:
        raise ValueError(f"Content-Length {length} is over the {MAX_RECORDING_BYTES:,} bytes that a made body may have")
    return made_body(coding, int(length))


def wants_persistence(version: bytes, fields: dict[str, str]) -> bool:
    """Return whether a message lets its connection be used again (RFC 9112, section 9.3)."""
    options = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    return "close" not in options and (version >= b"1.1" or "keep-alive" in options)
