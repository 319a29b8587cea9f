"""A body that fits a recorded head: what the head promises, to the byte, so that a real client ends content.

A head often outlives its body: the tutorial kept `Content-Length: 92426` and `Content-Encoding: gzip`, and no page.
Each maker here returns exactly `size` bytes which are valid in their coding and decode to `PAGE`, repeated.
Every format has a way to carry plain bytes with a length of one's choosing; that is what is used.
"""

import zlib
from itertools import cycle, islice

PAGE = b"<!doctype html><title>asynclab</title><p>Only the head of this page was recorded.</p>\n"
GZIP_HEAD = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"
STORED_MAX = 0xFFFF  # RFC 1951, section 3.2.4: a stored block's length has 16 bits


class CannotFit(Exception):
    """No valid body has that coding and that size."""


def plain(size: int) -> bytes:
    """Return the page, repeated and cut."""
    return bytes(islice(cycle(PAGE), size))


def gzip(size: int) -> bytes:
    """Return a gzip member (RFC 1952) of `size` bytes; the least there is has 20."""
    if size < 20:
        raise CannotFit(f"no gzip body has {size} bytes")
    if size < 23:  # an empty member, made longer by a file name
        name = b"x" * (size - 21) + b"\0" if size > 20 else b""
        return GZIP_HEAD % (8 if name else 0) + name + b"\x03\0" + bytes(8)
    content, blocks = stored(size - 18)
    trailer = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return GZIP_HEAD % 0 + blocks + trailer


def deflate(size: int) -> bytes:
    """Return a zlib stream (RFC 1950, which HTTP calls deflate) of `size` bytes; the least there is has 8."""
    if size == 8:
        return b"\x78\x9c\x03\0\0\0\0\x01"
    if size < 11:
        raise CannotFit(f"no deflate body has {size} bytes")
    content, blocks = stored(size - 6)
    return b"\x78\x01" + blocks + zlib.adler32(content).to_bytes(4, "big")


def stored(size: int) -> tuple[bytes, bytes]:
    """Return content, and the deflate stream of exactly `size` bytes that stores it (RFC 1951, section 3.2.4)."""
    count = -(-size // (STORED_MAX + 5))
    content = plain(size - 5 * count)
    blocks = []
    for index in range(count):
        block = content[index * STORED_MAX : (index + 1) * STORED_MAX]
        length = len(block).to_bytes(2, "little")
        complement = (len(block) ^ 0xFFFF).to_bytes(2, "little")
        blocks.append(bytes([index == count - 1]) + length + complement + block)
    return content, b"".join(blocks)


MAKERS = {"": plain, "identity": plain, "gzip": gzip, "x-gzip": gzip, "deflate": deflate}


def made_body(coding: str, size: int) -> bytes:
    """Return a body of `size` bytes in a content coding (lower case; empty for none).

    Raises CannotFit for a coding that is not in MAKERS, and for a size that it cannot have.
    """
    if size == 0:
        return b""
    if coding not in MAKERS:
        raise CannotFit(f"no body can be made for Content-Encoding {coding!r}: record one, or leave the field out")
    return MAKERS[coding](size)
