"""Values that a test gives, checked before anything is sent: each check returns the value, or raises BadParameter.

The lab checks what it gets once more. These checks are for what it cannot see, such as a number that became text on its
way, and for what is allowed and yet never matches a request of any client.
"""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

from asynclab.errors import BadParameter

__tracebackhide__ = True  # pytest: a failing test shows its own line, and not this package's

METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
SHOWN_CHARACTERS = 60
MAX_SECONDS = 1_000_000  # poll(2) takes milliseconds in 31 bits
HOST_NAME = re.compile(r"(?!.*\.\.)(?!.*[^.]{64})[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")
OWN_NAMES = frozenset(("gateway", "hello", "localhost"))
IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
ASCII = "".join(map(chr, range(0x21, 0x7F)))
DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))  # IDNA: these end a label too


def text(name: str, value: object) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise BadParameter(f"{name} {shown(value)} is not text")
    return value


def text_or_none(name: str, value: object) -> str | None:
    """Return text, or None."""
    return None if value is None else text(name, value)


def number(name: str, value: object) -> int:
    """Return a whole number of any size. True and False are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadParameter(f"{name} {shown(value)} is not a whole number")
    return value


def whole(name: str, value: object, *, least: int = 0) -> int:
    """Return a whole number, `least` or more. True and False are none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadParameter(f"{name} {shown(value)} is not a whole number, {least} or more")
    return value


def whole_or_none(name: str, value: object) -> int | None:
    """Return a whole number, 0 or more, or None."""
    return None if value is None else whole(name, value)


def truth(name: str, value: object) -> bool:
    """Return True or False."""
    if not isinstance(value, bool):
        raise BadParameter(f"{name} {shown(value)} is not True or False")
    return value


def seconds(name: str, value: object) -> float:
    """Return a number of seconds, 0 or more, with which the system can wait."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_SECONDS:
        raise BadParameter(f"{name} {shown(value)} is not a number of seconds, 0 to {MAX_SECONDS:,}")
    return value


def texts(name: str, value: object) -> Mapping[str, str]:
    """Return names with text."""
    if not isinstance(value, Mapping):
        raise BadParameter(f'{name} {shown(value)} is not a dict: give names with text, as {{"name": "value"}}')
    return {text(f"a name in {name}", key): text(f"{name}[{key!r}]", each) for key, each in value.items()}


def texts_or_none(name: str, value: object) -> Mapping[str, str | None]:
    """Return names with text, or with None for one that must not be there."""
    given = dict(value) if isinstance(value, Mapping) else value
    absent = [key for key, each in given.items() if each is None] if isinstance(given, dict) else []
    present = {key: each for key, each in given.items() if each is not None} if isinstance(given, dict) else given
    return {**texts(name, present), **dict.fromkeys(absent)}


def method(name: str, value: object) -> str | None:
    """Return a method, or None. Methods have case (RFC 9110, section 9.1): `get` is not GET, and no client sends it."""
    given = text_or_none(name, value)
    if given is not None and given not in METHODS and given.upper() in METHODS:
        raise BadParameter(f"{name} {given!r} is never sent: methods have case, write {given.upper()!r}")
    return given


def target(name: str, value: object) -> str | None:
    """Return a target or a path as clients send it, or None: percent-encoded, or with the bytes of UTF-8 as Latin-1."""
    given = text_or_none(name, value)
    if given is not None and not is_sent(given):
        encoded = quote(given, safe=ASCII, errors="replace")
        raise BadParameter(f"{name} {shown(given)} is never sent: clients percent-encode it, write {shown(encoded)}")
    return given


def is_sent(given: str) -> bool:
    """Return whether a client may send this, where bytes are shown as Latin-1. Some clients send UTF-8 as it is."""
    try:
        given.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return False
    return True


def shown(value: object) -> str:
    """Return a value in one line that is not too long."""
    try:
        whole_text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except Exception:  # a value of any class, whose repr may fail in any way
        whole_text = f"a {type(value).__name__}"
    line = " ".join(whole_text.split("\n"))
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."


def printable(text: str) -> str:
    """Return text in one line, safe for a terminal: what cannot be printed is escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def is_host_name(name: str) -> bool:
    """Return whether this is a name that a host can have, in lower case and ASCII."""
    return bool(HOST_NAME.fullmatch(name))


def can_be_played(name: str) -> bool:
    """Return whether a lab may play a host of this name, in lower case: no address, and none of the lab's own names."""
    return is_host_name(name) and name not in OWN_NAMES and not IP_ADDRESS.fullmatch(name)


def in_ascii(host: str) -> str:
    """Return the form of a host's name that clients send: A-labels (RFC 5890) for what is not ASCII."""
    name = unicodedata.normalize("NFKC", host.lower()).translate(DOTS)
    try:
        name.encode()  # punycode would take a lone surrogate
        return ".".join(
            label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}" for label in name.split(".")
        )
    except UnicodeError:  # a lone surrogate
        return host
