"""The description of a certificate in a record (RFC 5280), read from its DER encoding (X.690).

`ssl` decodes only certificates that it has verified, and those that it has not are the interesting ones. What cannot be
read is None, or left out: a certificate may hold anything.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

CONTEXT_0, CONTEXT_3, UTC_TIME, GENERALIZED_TIME = 0xA0, 0xA3, 0x17, 0x18
ENCODINGS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}  # of strings; all others are read as Latin-1
SUBJECT_ALT_NAME = bytes.fromhex("551d11")
ATTRIBUTES = {  # RFC 4514, section 3, and what certificates of today have besides
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.15": "businessCategory",
    "2.5.4.17": "postalCode",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}
ESCAPED = set('",+;<>\\')
UNREADABLE = (StopIteration, RuntimeError, IndexError, ValueError)
"""The errors that a broken encoding raises; a StopIteration inside a generator is a RuntimeError (PEP 479)."""

Element = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Certificate:
    """The contents of a certificate: its subject and its issuer, the names it holds for, and when (UTC, ISO 8601)."""

    subject: str | None = None
    issuer: str | None = None
    sans: tuple[str, ...] = ()
    not_before: str | None = None
    not_after: str | None = None


def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate says; nothing of what cannot be read."""
    try:
        fields = list(elements(next(elements(next(elements(der))[1]))[1]))
        if fields and fields[0][0] == CONTEXT_0:  # the version; that of version 1 is left out
            del fields[0]
        _serial, _algorithm, issuer, validity, subject, *rest = fields
    except UNREADABLE:
        return Certificate()
    not_before, not_after = read_validity(validity[1])
    return Certificate(read_name(subject[1]), read_name(issuer[1]), tuple(read_sans(rest)), not_before, not_after)


def elements(der: bytes) -> Iterator[Element]:
    """Yield the tag and content of each element of a DER encoding (X.690, section 8.1)."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at : at + octets], "big")
            at += octets
        yield tag, der[at : at + length]
        at += length


def read_validity(der: bytes) -> tuple[str | None, str | None]:
    """Return notBefore and notAfter."""
    try:
        times = elements(der)
        return moment(*next(times)), moment(*next(times))
    except UNREADABLE:
        return None, None


def moment(tag: int, text: bytes) -> str:
    """Return a UTCTime or GeneralizedTime (RFC 5280, section 4.1.2.5) as ISO 8601. Raises ValueError."""
    digits = text.decode("ascii")
    if tag == UTC_TIME:
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    elif tag != GENERALIZED_TIME:
        raise ValueError(tag)
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_name(der: bytes) -> str | None:
    """Return a distinguished name as text, the most specific part first (RFC 4514)."""
    try:
        parts = ["+".join(attribute(each) for _, each in elements(part)) for _, part in elements(der)]
    except UNREADABLE:
        return None
    return ",".join(reversed(parts))


def attribute(der: bytes) -> str:
    """Return one attribute of a name, as `CN=host`. Raises one of UNREADABLE."""
    (_, kind), (tag, value) = elements(der)
    oid = dotted(kind)
    return f"{ATTRIBUTES.get(oid, oid)}={escaped(string(tag, value))}"


def escaped(value: str) -> str:
    """Return a value as it stands in a distinguished name (RFC 4514, section 2.4)."""
    text = "".join(f"\\{each}" if each in ESCAPED else each for each in value).replace("\0", "\\00")
    if text[:1] in {" ", "#"}:
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if value[1:].endswith(" ") else text


def string(tag: int, value: bytes) -> str:
    """Return a string; one that is not in the encoding it claims is read as Latin-1."""
    with suppress(UnicodeDecodeError):
        return value.decode(ENCODINGS.get(tag, "latin-1"))
    return value.decode("latin-1")


def dotted(der: bytes) -> str:
    """Return an object identifier (X.690, section 8.19). Raises IndexError for an empty one."""
    numbers, number = [], 0
    for octet in der:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def read_sans(fields: Sequence[Element]) -> Iterator[str]:
    """Yield the subject alternative names (RFC 5280, section 4.2.1.6), from the fields that follow the subject."""
    with suppress(*UNREADABLE):
        for _, wrapped in (field for field in fields if field[0] == CONTEXT_3):
            for _, extension in elements(next(elements(wrapped))[1]):
                (_, kind), *_critical, (_, value) = elements(extension)
                if kind == SUBJECT_ALT_NAME:
                    for tag, name in elements(next(elements(value))[1]):
                        yield general_name(tag & 0x1F, name)


def general_name(kind: int, value: bytes) -> str:
    """Return a name: a host's or an address as it is, any other with its kind before it."""
    text = value.decode("latin-1")
    match kind:
        case 2:
            return text
        case 7 if len(value) in {4, 16}:
            return str(ipaddress.ip_address(value))
        case 1:
            return f"email:{text}"
        case 4:
            return f"dirName:{read_name(next(elements(value))[1])}"
        case 6:
            return f"URI:{text}"
        case 8:
            return f"RID:{dotted(value)}"
        case _:
            return f"[{kind}]:{value.hex()}"
