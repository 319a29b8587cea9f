"""Host names in ASCII, from what a person or a server wrote: percent-encoded, in UTF-8, or ASCII already.

They are read as by curl and browsers: by UTS #46, non-transitional (`faß` is not `fass`), and without the smaller set
of characters of IDNA 2008, so that `☃.test` is a name. A name that breaks a rule for labels is refused; invisible
characters in it are left out.
"""

import re
import socket
from urllib.parse import unquote_to_bytes

LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE | re.ASCII)
MAX_BYTES, MAX_LABEL_BYTES = 253, 63


class NoHostName(ValueError):
    """A text is not a host name; the text of the error is the reason."""


def ascii_host_name(text: str) -> str:
    """Return a host name in ASCII. Raises NoHostName."""
    name = text
    if "%" in text:
        try:
            name = unquote_to_bytes(text).decode("utf-8")  # once: what is encoded twice is no name
        except UnicodeDecodeError as error:
            raise NoHostName("a host name that is percent-encoded is UTF-8") from error
    if not name.isascii():
        name = a_labels(name)
    if problem := what_is_wrong(name.removesuffix(".")):
        raise NoHostName(problem)
    return name


def what_is_wrong(name: str) -> str | None:
    """Return why an ASCII text, without its last dot, is no host name (RFC 1035, section 2.3.4). None: it is one."""
    if len(name) > MAX_BYTES:
        return f"a host name has at most {MAX_BYTES} characters in ASCII, and this has {len(name)}"
    for label in name.split("."):
        if not 1 <= len(label) <= MAX_LABEL_BYTES:
            size = f"{len(label)}: {label[:20]!r}..." if label else "none"
            return f"a label of a host name has 1 to {MAX_LABEL_BYTES} characters, and one of this has {size}"
        if not LABEL.fullmatch(label):
            return "no host name"
    return None


def a_labels(name: str) -> str:
    """Return a name that is not in ASCII, in A-labels (RFC 5890). Raises NoHostName."""
    import idna  # here, since the import is slow and most names do not need it

    try:
        return ".".join(map(a_label, idna.uts46_remap(name, std3_rules=False).split(".")))
    except (idna.IDNAError, ValueError) as error:  # UnicodeError is a ValueError
        raise NoHostName(str(error)) from error


def a_label(label: str) -> str:
    """Return one label in ASCII. Raises ValueError or idna.IDNAError."""
    import idna

    if label.isascii():
        return label
    idna.check_hyphen_ok(label)
    idna.check_initial_combiner(label)
    for position, character in enumerate(label):
        if character in "\u200c\u200d" and not idna.valid_contextj(label, position):
            raise ValueError(f"a joiner has nothing to join in {label!r}")
    return f"xn--{label.encode('punycode').decode('ascii')}"


def canonical_ipv6(text: str) -> str | None:
    """Return an IPv6 address as RFC 5952 writes it, the same for each spelling; None if the text is no such address."""
    if ":" not in text:
        return None
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def unseen(text: str) -> str | None:
    """Return the first invisible character, as `U+200B`; None where there is none."""
    import unicodedata

    import idna

    for character in text:
        if character.isascii() or unicodedata.category(character)[0] in "LNPS":
            continue
        try:
            leaves_none = unicodedata.category(character)[0] in "CZ" or not idna.uts46_remap(character)
        except idna.IDNAError:
            leaves_none = False
        if leaves_none:
            return f"U+{ord(character):04X}"
    return None
