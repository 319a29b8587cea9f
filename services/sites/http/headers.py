"""The header section of a message: what it says of the connection, and how its fields are set.

`services.runtime.playable` reads the fields, since a client that records needs that too.
"""

import re
from collections.abc import Mapping

DATE_FIELD = re.compile(rb"(?<=\n)date:[ \t]*", re.IGNORECASE)
VALUE_BEGINS = re.compile(rb":[ \t]*")


def wants_persistence(version: bytes, fields: Mapping[str, str]) -> bool:
    """Return whether a message lets its connection be used again (RFC 9112, section 9.3)."""
    options = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    return "close" not in options and (version >= b"1.1" or "keep-alive" in options)


def set_fields(head: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    """Return the head with each value in the first line of its field, wherever it stands; new fields come last.

    Names have no case: of two that differ in nothing else, the last one's value counts. Takes time for the head and the
    fields, and not for their product: a sidecar may have thousands.
    """
    blank = b"\r\n" if head.endswith(b"\r\n") else b"\n"
    lines = head.removesuffix(blank).split(b"\n")
    first: dict[bytes, int] = {}
    for index, line in enumerate(lines[1:], 1):
        name, colon, _value = line.partition(b":")
        if colon:
            first.setdefault(name.lower(), index)
    last = lines.pop()  # nothing, as the head's last line has its end
    for name, value in fields.items():
        index = first.setdefault(name.lower(), len(lines))
        if index == len(lines):
            lines.append(b"%s: %s%s" % (name, value, blank.removesuffix(b"\n")))
        else:
            lines[index] = with_value(lines[index], value)
    return b"\n".join([*lines, last]) + blank


def with_value(line: bytes, value: bytes) -> bytes:
    """Return a field line with another value; the spaces before it and the line's end stay."""
    begins = VALUE_BEGINS.search(line)
    at = begins.end() if begins else len(line)
    _old, end, rest = line[at:].partition(b"\r")
    return line[:at] + value + end + rest


def date_at(head: bytes) -> int:
    """Return where the value of a head's first Date field begins."""
    found = DATE_FIELD.search(head)
    return found.end() if found else 0
