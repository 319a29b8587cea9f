"""What is asked: a URL and request fields from a person, as the bytes of one request.

The request is what a plain client of today would send: HTTP/1.1 and nothing that changes the answer, such as
`Connection: close` or an `Accept-Encoding`. A person who wants those gives them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from services.client.errors import FetchError
from services.runtime.hosts import HOST_NAME

PORTS = {"http": 80, "https": 443}
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*")
UNSAFE = re.compile(r"[\0-\x20\x7f\ud800-\udfff]")
KEPT_IN_TARGET = "!$%&'()*+,-./:;=?@[]_~|^`{}\\\""
USUAL_FIELDS = (("User-Agent", "asynclab"), ("Accept", "*/*"))


@dataclass(frozen=True, slots=True)
class Source:
    """What is recorded: `host` is lower case and without brackets, `target` is the path and query as sent."""

    url: str
    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host field's value: the port only where it is not the usual one (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"


def read_url(text: str) -> Source:
    """Return what a URL, or a bare host, asks for. Raises FetchError (usage) for what cannot be asked."""
    if UNSAFE.search(text):
        raise FetchError("usage", "a URL has neither spaces nor control characters, nor bytes that are no text")
    if not SCHEME.match(text):
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise FetchError("usage", f"not a URL: {error}") from error
    if parts.scheme not in PORTS:
        raise FetchError("usage", f"only http and https can be recorded, not {parts.scheme}")
    if parts.username is not None:
        raise FetchError("usage", "a URL with a password is not recorded: use --header 'Authorization: ...'")
    if port == 0:
        raise FetchError("usage", "a port is a number from 1 to 65535")
    target = quote(parts.path or "/", safe=KEPT_IN_TARGET)
    if parts.query:
        target += f"?{quote(parts.query, safe=KEPT_IN_TARGET)}"
    return Source(
        url=text.partition("#")[0],
        secure=parts.scheme == "https",
        host=ascii_host(host),
        port=port or PORTS[parts.scheme],
        target=target,
    )


def ascii_host(host: str) -> str:
    """Return a host as the wire has it; an international name in its ASCII form (RFC 5891)."""
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise FetchError("usage", f"{host[:60]!r} is not a host name") from error
    if not (HOST_NAME.fullmatch(name) or re.fullmatch(r"[0-9a-f:.]+", name)):
        raise FetchError("usage", f"{host[:60]!r} is not a host name")
    return name


def read_field(text: str) -> tuple[str, str]:
    """Return the name and value of `Name: value`. Raises FetchError (usage) for anything else."""
    parts = FIELD.fullmatch(text)
    if not parts or not parts[2].isascii():
        raise FetchError("usage", f"{text.partition(':')[0][:40]!r} does not begin a request field `Name: value`")
    return parts[1], parts[2]


def request_bytes(source: Source, fields: Sequence[tuple[str, str]]) -> bytes:
    """Return the request; `fields` come after Host, and replace the usual ones of their name."""
    given = {name.lower() for name, _ in fields}
    usual = [field for field in (("Host", source.authority), *USUAL_FIELDS) if field[0].lower() not in given]
    lines = [f"GET {source.target} HTTP/1.1", *(f"{name}: {value}" for name, value in (*usual, *fields))]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
