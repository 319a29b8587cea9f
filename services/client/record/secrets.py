"""What must not be kept: credentials in a head, found and made unreadable at the same length.

A recording is passed on, committed and published; the cookies of the person who made it should not be. Lengths stay, so
that every offset in the head stays. A value that is not known to be harmless counts as a secret: this file lists what
stays of cookies and challenges, not what is masked. A body is never searched: where it holds secrets, record the head
alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = ord("x")
LINE = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")
PRESERVED = b' \t\r\n"\\'  # what gives a value its shape

COOKIES = {b"set-cookie", b"set-cookie2"}
COOKIE_ATTRIBUTES = {
    b"expires",
    b"max-age",
    b"domain",
    b"path",
    b"secure",
    b"httponly",
    b"samesite",
    b"priority",
    b"partitioned",
    b"version",
}
CHALLENGES = {b"www-authenticate", b"proxy-authenticate"}
ANSWERS = {b"authorization", b"proxy-authorization", b"authentication-info", b"proxy-authentication-info"}
SCHEMES = {b"basic", b"bearer", b"digest", b"negotiate", b"ntlm", b"dpop", b"token", b"hoba", b"mutual"}
PUBLIC_PARAMETERS = {
    b"realm",
    b"algorithm",
    b"qop",
    b"charset",
    b"stale",
    b"userhash",
    b"domain",
    b"scope",
    b"error",
    b"error_description",
    b"error_uri",
    b"title",
    b"nc",
}
PARAMETER_OR_WORD = re.compile(
    rb"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]++)[ \t]*+=[ \t]*+(?P<value>\"(?:[^\"\\]|\\.)*+\"?|[^\s,\"=;]++)"
    rb"|(?P<word>[^\s,]++)",
    re.DOTALL,
)

# A name is a secret's, a field's as a parameter's, by a word anywhere in it, or by its last one.
SECRET_WORD = (
    rb"token|secret|passw|pwd|credential|session|csrf|xsrf|jwt|nonce|signature|assertion|saml|ticket"
    rb"|(?:api|access|subscription|functions?)[-_]?key|client[-_]?cert"
)
LAST_WORD = rb"(?:^|[-_.])(?:key|sig|sid|otp|hmac|pin)$"
HARMLESS_FIELDS = {
    b"access-control-allow-credentials",
    b"cache-key",
    b"surrogate-key",
    b"x-cache-key",
    b"x-surrogate-key",
}
SECRET_FIELD = re.compile(b"|".join((SECRET_WORD, LAST_WORD, rb"^cookie$|auth(?!or)")))
# In any field's URL: `?name=`, also after `&`, `#` or `;`, and percent-encoded inside another URL.
URL_PARAMETER = re.compile(
    rb"(?P<mark>[?&#;]|%3[fFbB]|%2[36])[ \t]*+(?P<name>[\w.\[\]~-]++)(?:=|%3[dD])",
)
IN_QUERY = re.compile(rb"(?:(?!%2[36])[^&#;\s\"'<>,])*+")
IN_PATH = re.compile(rb"(?:(?!%2[36])[^&#;\s\"'<>,/?])*+")
SECRET_PARAMETER = re.compile(b"|".join((SECRET_WORD, LAST_WORD, rb"sess|^(?:code|state|auth)$")))
USER_INFORMATION = re.compile(
    rb"//(?P<plain>[^/?#\s@<>\"]++)@"
    rb"|%2[fF]%2[fF](?P<encoded>(?:(?!%2[fF]|%3[fF]|%23|%40)[^/?#\s@<>\"&])++)%40"
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Secret:
    """A field that holds a credential: its name as it came, and how many bytes of it are one."""

    field: str
    secret_bytes: int


def mask(fields: bytes) -> tuple[bytes, tuple[Secret, ...]]:
    """Return a head, or any section of field lines, without its secrets, and what they were. The length stays."""
    masked = bytearray(fields)
    found = []
    for name, start, end in each_field(fields):
        spans = secrets_of(name, fields[start:end])
        secret = {start + offset for span in spans for offset in range(*span)}
        secret = {position for position in secret if fields[position] not in PRESERVED}
        for position in secret:
            masked[position] = MASK
        if secret:
            found.append(Secret(name.decode("latin-1"), len(secret)))
    return bytes(masked), tuple(found)


def each_field(fields: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each field's name, and where its value begins and ends; folded lines belong to the field before them.

    A bare CR ends a line here: some readers take it for a line's end, so what follows it is looked at as a field too.
    """
    open_field: tuple[bytes, int, int] | None = None
    for line in LINE.finditer(fields):
        text = line[0]
        if text[:1] in (b" ", b"\t") and open_field:
            open_field = (*open_field[:2], line.end())
            continue
        if open_field:
            yield open_field
        name, colon, _ = text.partition(b":")
        is_field = colon and not text.startswith(b"HTTP/")
        open_field = (name.strip(), line.start() + len(name) + 1, line.end()) if is_field else None
    if open_field:
        yield open_field


def secrets_of(name: bytes, value: bytes) -> Iterator[Span]:
    """Yield where in a field's value its secrets are."""
    lower = name.lower()
    if lower in COOKIES:
        yield from in_cookie(value)
    elif lower in CHALLENGES or lower in ANSWERS:
        yield from in_challenge(value, schemes_anywhere=lower in CHALLENGES)
    elif SECRET_FIELD.search(lower) and lower not in HARMLESS_FIELDS:
        yield 0, len(value)
    else:
        yield from in_urls(value)


def in_cookie(value: bytes) -> Iterator[Span]:
    """Yield a cookie's value, and whatever is no attribute that is known (RFC 6265, section 4.1)."""
    start = 0
    for index, part in enumerate(value.split(b";")):
        name, equals, content = part.partition(b"=")
        end = start + len(part)
        if index == 0:
            yield (start + len(name) + 1 if equals else start), end
        elif name.strip().lower() not in COOKIE_ATTRIBUTES or b"=" in content:
            yield start, end
        start = end + 1


def in_challenge(value: bytes, *, schemes_anywhere: bool) -> Iterator[Span]:
    """Yield every parameter that is not public, and every token that is no scheme (RFC 9110, section 11)."""
    before: int | None = None  # where the parameter or word before this one ended
    for found in PARAMETER_OR_WORD.finditer(value):
        begins_member = before is None or b"," in value[before : found.start()]
        before = found.end()
        if found["word"] is None:
            if found["name"].lower() not in PUBLIC_PARAMETERS:
                yield found.span("value")
        elif found["word"].lower() not in SCHEMES and not (schemes_anywhere and begins_member):
            yield found.span("word")


def in_urls(value: bytes) -> Iterator[Span]:
    """Yield the passwords and the token-like parameters of the URLs in a value."""
    for user in USER_INFORMATION.finditer(value):
        yield user.span("plain" if user["encoded"] is None else "encoded")
    end = 0
    for parameter in URL_PARAMETER.finditer(value):
        if parameter.end() >= end and SECRET_PARAMETER.search(parameter["name"].lower()):
            content = (IN_PATH if parameter["mark"] == b";" else IN_QUERY).match(value, parameter.end())
            end = content.end() if content else end
            yield parameter.end(), end
