"""URLs, for the survey and for recordings: made from a person's target, or from a server's Location field.

A target is `host`, `host:port`, an IPv6 literal with or without brackets, or an http(s) URL (RFC 3986). A text that is
no target, or that could mean two things, raises FetchError of kind `usage`: nothing is guessed. Read on in `host` (host
names in ASCII), `not_a_host` (what looks like a host and is none) and `reference` (how a redirect's URL is resolved).
"""

import re
from typing import NamedTuple
from urllib.parse import quote

from services.client.errors import FetchError
from services.client.url.host import NoHostName, ascii_host_name, canonical_ipv6, unseen
from services.client.url.not_a_host import many_addresses, network, number_alone
from services.client.url.reference import Reference, resolve, split

PORTS = {"http": 80, "https": 443}
MAX_TARGET_BYTES = 4096
MAX_LOCATION_BYTES = 8000  # RFC 9110, section 4.1
SHOWN = 80

_ANY_CASE = re.IGNORECASE | re.ASCII  # without ASCII, a dotless i and a long s are letters from a to z
# Most targets match this. A number alone and a range do not: they are judged in `not_a_host`.
_PLAIN = re.compile(
    r"(?![0-9]++\Z|0x|[0-9.]*+-[0-9.-]*+\Z)"
    r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*",
    _ANY_CASE,
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", _ANY_CASE)
_NEARLY_A_SCHEME = re.compile(r"(?P<scheme>[^/?#]*):[/\\][/\\]|https?:[/\\]", _ANY_CASE)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]")
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@\\]+))(?::(?P<port>[0-9]{0,5}))?", _ANY_CASE)
# Browsers (URL standard, sections 4.4 and 3.1) and curl read these differently. To browsers, a backslash before the
# query is a slash, a segment of encoded dots is one of dots, and control characters at the ends, tabs and line ends are
# not there.
_BACKSLASH = re.compile(r"[^?#]*\\")
_ENCODED_DOTS = re.compile(r"(?:\A|/)(?=\.?%)(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
_LEFT_OUT = re.compile(rb"\A[\x00-\x20]|[\t\r\n]|[\x00-\x20]\Z")
# Not encoded in a path and a query: RFC 3986's pchar, "/", "?", and the "%" of what is encoded already.
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
        return f"{self.scheme}://{self.authority}{self.path}"

    def join(self, reference: bytes) -> "Url":
        """Resolve a Location field against this URL (RFC 3986, section 5.2). Raises FetchError (usage).

        Bytes above 127 are of an unknown encoding: in a path they are percent-encoded as they are, and a host is UTF-8.
        """
        shown = repr(reference[:SHOWN].decode("latin-1"))
        if len(reference) > MAX_LOCATION_BYTES:
            raise FetchError("usage", f"{shown} has more than {MAX_LOCATION_BYTES:,} bytes")
        given = reference.strip(b" \t")
        text = quote(given, safe=_ASCII)
        relative = split(text)
        meant = resolve(split(self.text), relative)
        if problem := ambiguity(given, text, relative, meant):
            raise FetchError("usage", f"{shown}: {problem}")
        try:
            return url_of(meant)
        except NoUrl as error:
            raise FetchError("usage", f"{shown}: {error}") from error


class NoUrl(ValueError):
    """A URI is not an http or https URL that can be fetched; the text of the error is the reason."""


def ambiguity(given: bytes, text: str, location: Reference, meant: Reference) -> str | None:
    """Return why clients read a Location differently; None if they do not.

    A control character in the middle is no such reason: all of them percent-encode it.
    """
    if _LEFT_OUT.search(given):
        return "a control character that browsers leave out"
    if _BACKSLASH.match(text):
        return "a backslash where browsers read a slash"
    if _ENCODED_DOTS.search(location.path) or _ENCODED_DOTS.search(meant.path):
        return "%2e in its path where browsers read a dot segment"
    if location.scheme is None and location.authority is None and ":" in location.path.partition("/")[0]:
        return "what is before its colon is no scheme (RFC 3986, section 4.2)"
    return None


def read_target(text: str) -> Url:
    """Return the URL of a target. Raises FetchError (usage)."""
    if _PLAIN.fullmatch(text) and len(text) <= 253:
        return Url("http", text.lower(), 80, "/")
    if not text or len(text) > MAX_TARGET_BYTES or _UNSAFE.search(text):
        raise not_one(text, "empty, too long, or with spaces or control characters in it")
    if not text.isascii() and (first := unseen(text[0])):
        raise not_one(text, f"it begins with {first}, which cannot be seen")
    if found := _SCHEME.match(text):
        return read_whole(text, text[found.end() :])
    if found := _NEARLY_A_SCHEME.match(text):
        raise not_one(text, not_a_scheme(found["scheme"]))
    return read_bare(text)


def read_whole(text: str, behind_scheme: str) -> Url:
    """Return the URL of a target with a scheme, where a number is a host, and the bits of a network are a path.

    Raises FetchError (usage).
    """
    refuse(many_addresses(behind_scheme), given=text)
    url = read_url(text)
    refuse(many_addresses(url.host), given=text)  # as it is read: a hyphen may have been percent-encoded
    return url


def read_url(text: str, *, given: str | None = None) -> Url:
    """Return an http or https URL, without its fragment; `given` is what the person wrote, if it is not the text.

    Raises FetchError (usage).
    """
    try:
        return url_of(split(text))
    except NoUrl as error:
        raise not_one(given or text, str(error)) from error


def not_a_scheme(scheme: str | None) -> str:
    """Return what is wrong with a text that seems to begin with a scheme, and does not."""
    if scheme is None:
        return "two slashes belong behind http:"
    first = unseen(scheme)
    return f"{first}, which cannot be seen, is in its scheme" if first else "before its // is no scheme such as http:"


def read_bare(text: str) -> Url:
    """Return the URL of a target without a scheme. Raises FetchError (usage)."""
    if ip := canonical_ipv6(text):
        return Url("http", ip, 80, "/")
    refuse(many_addresses(text) or network(text) or number_alone(text), given=text)
    url = read_url(f"http://{text}", given=text)
    if "%" in text:  # as it is read: digits and hyphens may have been percent-encoded
        refuse(many_addresses(url.host) or network(url.authority + url.path) or number_alone(url.host), given=text)
    return url


def refuse(reason: str | None, *, given: str) -> None:
    """Raise FetchError (usage) if there is a reason; `given` is what the person wrote."""
    if reason:
        raise not_one(given, reason)


def url_of(uri: Reference) -> Url:
    """Return a URI as a Url. Raises NoUrl where it is not http or https, or has no usable host or port."""
    scheme = (uri.scheme or "").lower()
    if scheme not in PORTS:
        raise NoUrl("neither http nor https")
    if not uri.authority:
        raise NoUrl(f"no host: two slashes and a host belong behind {scheme}:")
    found = _AUTHORITY.fullmatch(uri.authority)
    if found is None:
        has_user = "@" in uri.authority
        raise NoUrl(
            "user names and passwords are not sent (a request field can: Authorization)"
            if has_user
            else "no host, or a port that is no number"
        )
    port = int(found["port"]) if found["port"] else PORTS[scheme]
    if not 1 <= port <= 65535:
        raise NoUrl("a port is from 1 to 65535")
    host = canonical_ipv6(found["v6"]) if found["v6"] else host_name(found["name"])
    if host is None:
        raise NoUrl("no IPv6 address in its brackets")
    path = quote(uri.path or "/", safe=_KEPT)
    query = "" if uri.query is None else f"?{quote(uri.query, safe=_KEPT)}"  # "?" alone is a query (section 5.3)
    return Url(scheme, host.lower(), port, path + query)


def host_name(text: str) -> str:
    """Return a host name in ASCII. Raises NoUrl."""
    try:
        return ascii_host_name(text)
    except NoHostName as error:
        raise NoUrl(str(error)) from error


def not_one(text: str, reason: str) -> FetchError:
    """Return the error for a text that is no target."""
    return FetchError("usage", f"{text[:SHOWN]!r} is not a host, host:port or http(s) URL: {reason}")
