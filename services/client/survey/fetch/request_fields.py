"""`-H 'Name: value'`: fields that are added to every request, and which of them may follow a redirect.

A field replaces the one that the survey would send under its name; with an empty value, none is sent. Host may be
replaced, as in curl: it then names a virtual host at the place that the target says. What frames a body is refused,
since no body is sent, and so is what asks for another protocol.

What is given is meant for the origin that a target names: a redirect could send it anywhere, and no list knows the
names of all credentials. So a redirect to another origin takes along only the fields of FOR_ANY_ORIGIN.
"""

import re
from collections.abc import Iterable

from services.runtime.errors import BadSetting
from services.runtime.http import TOKEN_CHARACTERS

MAX_FIELDS = 64
MAX_BYTES = 16 * 1024  # of all of them together: many a server takes no more
OURS = frozenset({"content-length", "transfer-encoding", "trailer", "te", "expect", "upgrade", "http2-settings"})
# RFC 9110 gives each a grammar without room for a credential, and each says only what answer is asked for (12.5, 14.2,
# 13.1), in which version (RFC 9111, section 5.2), or by which program (10.1.5). If-Range goes with Range: without it, a
# part of another version could come. Not here: From (a person's address), Referer (a URL may hold a token), and
# If-Match and If-None-Match (a validator is one origin's, and can be made to tell people apart).
FOR_ANY_ORIGIN = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "dnt",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "pragma",
        "range",
        "sec-gpc",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
FIELD = re.compile(rf"([{TOKEN_CHARACTERS}]{{1,256}}):[ \t]*([\t\x20-\x7e]*)")

Fields = tuple[tuple[str, str], ...]


def read_fields(texts: Iterable[str]) -> Fields:
    """Return the fields of options. Raises BadSetting."""
    fields = tuple(map(read_field, texts))
    if len(fields) > MAX_FIELDS or sum(len(name) + len(value) for name, value in fields) > MAX_BYTES:
        raise BadSetting("-H", f"{len(fields)} fields", f"at most {MAX_FIELDS} fields and {MAX_BYTES:,} bytes of them")
    hosts = [name for name, _ in fields if name.lower() == "host"]
    if len(hosts) > 1 or ("host", "") in [(name.lower(), value) for name, value in fields]:
        raise BadSetting("-H", "Host", "one host: a request has exactly one (RFC 9112, section 3.2)")
    return fields


def read_field(text: str) -> tuple[str, str]:
    """Return the name and the value of a field. Raises BadSetting."""
    found = FIELD.fullmatch(text)
    if found is None:
        raise BadSetting("-H", text, "a field `Name: value` of visible ASCII (RFC 9110, section 5)")
    if found[1].lower() in OURS:
        raise BadSetting("-H", text, "a field that goes with a request without a body, to be answered in HTTP/1.1")
    return found[1], found[2].rstrip(" \t")


def for_another_origin(fields: Fields) -> Fields:
    """Return the fields that may go to another origin (scheme, host, port) than the one they are meant for."""
    return tuple(field for field in fields if field[0].lower() in FOR_ANY_ORIGIN)


def request_head(method: str, path: str, usual: Fields, given: Fields) -> bytes:
    """Return the bytes of a request (RFC 9112, section 3); what is given replaces what is usual."""
    names = {name.lower() for name, _ in given}
    hosts = [field for field in given if field[0].lower() == "host"]
    rest = [field for field in given if field[0].lower() != "host"]
    # Host first: RFC 9110, section 7.2, says it is good practice.
    fields = [*hosts, *(field for field in usual if field[0].lower() not in names), *rest]
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields if value)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
