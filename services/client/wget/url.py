"""Where a target is: the text of a person, or a Location of a stranger, made into a URL that can be asked.

A target is `host`, `host:port`, an IPv6 literal with or without brackets, or an http(s) URL (RFC 3986). Names beyond
ASCII become A-labels (RFC 5890). What cannot be asked is a FetchError of kind `usage`, and nothing is guessed.
"""

import re
import socket
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from services.client.errors import FetchError

PORTS = {"http": 80, "https": 443}
MAX_TARGET_BYTES = 4096
MAX_LOCATION_BYTES = 8000  # RFC 9110, section 4.1
SHOWN = 80

_ANY_CASE = re.IGNORECASE | re.ASCII  # else "s" and "k" are also a long s and a Kelvin sign, which no host name has
_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*", _ANY_CASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", _ANY_CASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", _ANY_CASE)
_ONE_SLASH = re.compile(r"https?:/(?!/)", _ANY_CASE)
_NO_HOST = re.compile(rb"https?://(?:[/?#]|$)", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f]")
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{0,5}))?", _ANY_CASE)
# Left as they are in a path and a query: RFC 3986's pchar, "/", "?", and "%" of what is encoded already.
_KEPT = "/?%:@!$&'()*+,;=-._~[]"
_ASCII = bytes(range(0x21, 0x7F))


class Url(NamedTuple):
    """An http or https URL. `host` is lower case, an A-label name or an IP literal without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of a Host field: the port is there if it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The URL as text."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def join(self, reference: bytes) -> "Url":
        """Return what a Location field means here (RFC 3986, section 5). Raises FetchError (usage)."""
        if len(reference) > MAX_LOCATION_BYTES:
            raise not_one(reference[:SHOWN].decode("latin-1"), f"more than {MAX_LOCATION_BYTES:,} bytes")
        if _NO_HOST.match(reference):  # urljoin would take it for a reference to where we are
            raise not_one(reference[:SHOWN].decode("latin-1"), "no host")
        # Bytes above 127 are of an unknown encoding: percent-encoded as they are, nothing is guessed.
        relative = quote(reference.strip(b" \t"), safe=_ASCII)
        try:
            return read_url(urljoin(self.text, relative))
        except ValueError as error:
            raise not_one(relative, str(error)) from error


def read_target(text: str) -> Url:
    """Return the URL of a target. Raises FetchError (usage)."""
    if _PLAIN.fullmatch(text) and len(text) <= 253:
        return Url("http", text.lower(), 80, "/")
    if not text or len(text) > MAX_TARGET_BYTES or _UNSAFE.search(text):
        raise not_one(text, "empty, too long, or with spaces or control characters in it")
    if ip := canonical_ipv6(text):
        return Url("http", ip, 80, "/")
    if _ONE_SLASH.match(text):
        raise not_one(text, "two slashes belong behind http:")
    return read_url(text if _SCHEME.match(text) else f"http://{text}")


def read_url(text: str) -> Url:
    """Return an http or https URL, without its fragment. Raises FetchError (usage)."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise not_one(text, str(error)) from error
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise not_one(text, "neither http nor https")
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        has_user = "@" in parts.netloc
        raise not_one(text, "user names are not sent" if has_user else "no host, or a port that is no number")
    port = int(found["port"]) if found["port"] else PORTS[scheme]
    if not 1 <= port <= 65535:
        raise not_one(text, "a port is from 1 to 65535")
    host = canonical_ipv6(found["v6"]) if found["v6"] else a_label(found["name"])
    if host is None:
        raise not_one(text, "no IPv6 address in its brackets")
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    return Url(scheme, host.lower(), port, path + query)


def a_label(name: str) -> str:
    """Return a host name in ASCII. Raises FetchError (usage)."""
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise not_one(name, str(error)) from error
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise not_one(name, "no host name")
    return name


def canonical_ipv6(text: str) -> str | None:
    """Return an IPv6 address as RFC 5952 writes it, one host however it is spelled; None for what is none."""
    if ":" not in text:
        return None
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def not_one(text: str, reason: str) -> FetchError:
    """Return the error for what is no target."""
    return FetchError("usage", f"{text[:SHOWN]!r} is not a host, host:port or http(s) URL: {reason}")
