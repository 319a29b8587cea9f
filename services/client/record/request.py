"""What is asked: a URL and request fields from a person, as the bytes of one request.

The request is what a plain client of today would send: HTTP/1.1 and nothing that changes the answer, such as
`Connection: close` or an `Accept-Encoding`. A person who wants those gives them.
"""

import re
from collections.abc import Sequence

from services.client.errors import FetchError
from services.client.url.url import Url, read_target
from services.runtime.http import TOKEN_CHARACTERS

FIELD = re.compile(rf"([{TOKEN_CHARACTERS}]+):[ \t]*([^\0\r\n]*?)[ \t]*")
USUAL_FIELDS = (("User-Agent", "asynclab"), ("Accept", "*/*"))


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
