"""The fields of a head, as far as they say how a message is framed, and whether all clients read them alike."""

import re

# What every reader takes for the same heads. RFC 9112, section 4 and 5: neither a folded line, nor whitespace before a
# colon, nor a control character, nor a name that is no token. A bare LF ends a line for all that read on after it.
PLAIN_HEADS = re.compile(
    rb"(?:HTTP/1\.[0-9] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*+)?\r?\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r?\n)*+\r?\n)++"
)
AROUND = " \t\r"


def read_fields(head: bytes) -> dict[str, str]:
    """Return the fields by lower-case name, repeated ones joined by a comma; what is no field is passed over.

    Only spaces and tabs around a name or a value are not its own (RFC 9112, section 5): `\\vchunked` is no coding that
    is known. A line that begins with one goes on with the value before it.
    """
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in head.decode("latin-1").split("\n")[1:]:
        if line[:1] in {" ", "\t"}:
            if values:
                values.append(f"{values.pop()} {line.strip(AROUND)}".strip(AROUND))
            continue
        name, colon, value = line.partition(":")
        if colon:
            values = fields.setdefault(name.strip(" \t").lower(), [])
            values.append(value.strip(AROUND))
    return {name: ", ".join(values) for name, values in fields.items()}


def are_plain(heads: bytes) -> bool:
    """Return whether every client reads the same fields in these heads, the blank lines included.

    What a site reads as `Content-Length: 3`, another may read as a part of the field before, or not at all.
    """
    return PLAIN_HEADS.fullmatch(heads) is not None
