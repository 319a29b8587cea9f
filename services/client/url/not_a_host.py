"""Texts that stand in the place of a host and are none: several addresses at once, or a number alone.

A dotted name without a letter can only be an address: no top-level domain has only digits and hyphens. So a range, a
list or a wildcard of addresses is no host. A network (CIDR) is no host where only its bits follow the address and the
port. Behind `http://` the bits are a path; they also are one if a slash or a query follows them.

A number alone is an address as the resolver reads it (2130706433, 0x7f000001), if that is 1.0.0.0 or more. A smaller
number, or one in digits of another alphabet, was meant as something else, mostly as a port.
"""

import re
import unicodedata
from collections.abc import Iterator

from services.client.url.host import canonical_ipv6

FIRST_ADDRESS = 1 << 24  # 1.0.0.0
MINUS = "\u2212"

_ANY_CASE = re.IGNORECASE | re.ASCII
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r":[0-9]*(?=-|\Z)")
_LIKE_IPV4 = re.compile(r"[0-9.*,~{}\[\]-]+")
_LIKE_IPV6 = re.compile(r"[0-9a-f:.*,~\[\]-]+", _ANY_CASE)
_DOTS_BETWEEN = re.compile(r"[0-9]\.{2,3}[0-9]{1,3}\.")
_NETWORK = re.compile(
    r"(?:(?P<v4>[0-9.]+)|\[?(?P<v6>[0-9a-f.]*:[0-9a-f:.]*)\]?)(?P<port>:[0-9]*)?"
    r"/(?P<bits>[0-9]{1,3}|[0-9.]{7,15})\]?(?::[0-9]*)?",
    _ANY_CASE,
)
# As long as a label: what is longer is refused as one.
_NUMBER = re.compile(r"(?P<digits>0x[0-9a-f]{1,61}|[0-9]{1,63})\.?(?::[0-9]*)?", _ANY_CASE)
_OCTAL = re.compile(r"0[0-7]*")


def many_addresses(text: str) -> str | None:
    """Return why a target is no host, if it is a range or a list of addresses, else None. `text`: without a scheme."""
    authority = authority_of(in_ascii(text))
    if is_range_of_ipv4(_PORT.sub("", authority)) or is_range_of_ipv6(authority):
        return "a range of addresses is no host; give each address on a line of its own"
    return None


def is_range_of_ipv4(text: str) -> bool:
    """Return whether a text, without a port, is made of parts of IPv4 addresses and means several."""
    if not _LIKE_IPV4.fullmatch(text):
        return False
    return not set("*,~").isdisjoint(text) or {"-", "."} <= set(text) or bool(_DOTS_BETWEEN.search(text))


def is_range_of_ipv6(text: str) -> bool:
    """Return whether a text is made of parts of IPv6 addresses and means several."""
    return text.count(":") > 1 and not set("-*,~").isdisjoint(text) and bool(_LIKE_IPV6.fullmatch(text))


def network(text: str) -> str | None:
    """Return why a target is no host, if it is a network, else None. `text`: without a scheme."""
    found = _NETWORK.fullmatch(in_ascii(text))
    if found is None or not is_address_with_bits(found["v4"] or found["v6"], found["bits"]):
        return None
    url = f"http://{found['v4'] or '[' + found['v6'] + ']'}{found['port'] or ''}/{found['bits']}"
    return f"a network (CIDR) is no host; give each address on a line of its own ({url} is the path)"


def is_address_with_bits(address: str, bits: str) -> bool:
    """Return whether these are an address, or the first part of one, and its number of bits or its mask."""
    if ":" in address:
        return canonical_ipv6(address) is not None and bits.isdigit() and int(bits) <= 128
    return "." in address and ("." in bits or int(bits) <= 32)


def number_alone(text: str) -> str | None:
    """Return why a target is no host, if it is a number, else None. `text`: without a scheme."""
    found = _NUMBER.fullmatch(authority_of(in_ascii(text)))
    if found is None:
        return None
    digits = found["digits"].lower()
    is_counted = authority_of(unicodedata.normalize("NFKC", text)).isascii()
    if is_counted and int(digits, base_of(digits)) >= FIRST_ADDRESS:
        return None
    number = int(digits, 16 if digits.startswith("0x") else 10)  # a person who writes 0443 means 443
    hint = f"port {number} of a host is host:{number}" if 1 <= number <= 65535 else "an address has four parts"
    return f"a number alone is no host; {hint}"


def base_of(digits: str) -> int:
    """Return the base in which `inet_aton` reads a number."""
    if digits.startswith("0x"):
        return 16
    return 8 if _OCTAL.fullmatch(digits) else 10


def authority_of(text: str) -> str:
    """Return the part before the path, the query and the fragment."""
    found = _AUTHORITY.match(text)
    return found[0] if found else ""


def in_ascii(text: str) -> str:
    """Return a text with the digits of other alphabets, and other dashes, replaced by those of ASCII."""
    return text if text.isascii() else "".join(each_in_ascii(unicodedata.normalize("NFKC", text)))


def each_in_ascii(text: str) -> Iterator[str]:
    """Yield each character, or the ASCII digit or hyphen in its place."""
    for character in text:
        digit = unicodedata.decimal(character, None)
        is_dash = character == MINUS or unicodedata.category(character) == "Pd"
        yield "-" if is_dash else character if digit is None else str(digit)
