"""What is asked for: a URL and request fields from a person, as the bytes of one request.

The request is what a plain client of today would send: HTTP/1.1 and nothing that changes the answer, such as
`Connection: close` or an `Accept-Encoding`. A person who wants those gives them.
"""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from services.client import defaults
from services.client.errors import FetchError
from services.client.url.url import Url, read_target

FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*")
USUAL_FIELDS = (("User-Agent", defaults.USER_AGENT), ("Accept", "*/*"))


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to ask and how much to take. `max_body` is None for the head alone; `tls` is for https."""

    source: Url
    request: bytes
    timeout_s: float
    max_body: int | None
    tls: ssl.SSLContext | None


def source_of(text: str) -> Url:
    """Return what a URL, or a bare host, asks for: as the survey reads it, without the dot of the root.

    A recording is named after its host, and `a.example.` is the same one. Raises FetchError (usage).
    """
    url = read_target(text)
    return url._replace(host=url.host.removesuffix("."))


def read_field(text: str) -> tuple[str, str]:
    """Return the name and value of `Name: value`. Raises FetchError (usage) for anything else."""
    parts = FIELD.fullmatch(text)
    if not parts or not parts[2].isascii():
        raise FetchError("usage", f"{text.partition(':')[0][:40]!r} does not begin a request field `Name: value`")
    return parts[1], parts[2]


def request_bytes(source: Url, fields: Sequence[tuple[str, str]]) -> bytes:
    """Return the request; `fields` come after Host, and replace the usual ones of their name."""
    given = {name.lower() for name, _ in fields}
    usual = [field for field in (("Host", source.authority), *USUAL_FIELDS) if field[0].lower() not in given]
    lines = [f"GET {source.path} HTTP/1.1", *(f"{name}: {value}" for name, value in (*usual, *fields))]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
