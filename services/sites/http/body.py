"""A body that fits a recorded head: what the head promises, to the byte, so that clients can read and decode all of it.

Heads are often kept without a body: the tutorial kept `Content-Length: 92426`, `Content-Encoding: gzip`, and no page.
Each maker here returns exactly `size` bytes which are valid in their coding and decode to `PAGE`, repeated. The least
size of each is in `services.runtime.playable`, where the client that records reads it too.
Every format has a way to carry plain bytes of any length, and that is what is used.
"""

import re
import zlib

from services.runtime.playable import MadeBody, check_makable

PAGE = b"<!doctype html><title>asynclab</title><p>Only the head of this page was recorded.</p>\n"
GZIP_HEAD = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"
ZSTD_HEAD = b"\x28\xb5\x2f\xfd\x00\x38"  # RFC 8878, section 3.1.1: no checksum, no size, a window of 128 KiB
STORED_MAX = 0xFFFF  # RFC 1951, section 3.2.4: a stored block's length has 16 bits
BROTLI_MAX = 1 << 16  # RFC 7932, section 9.2: four nibbles of length less one
ZSTD_MAX = 1 << 17  # RFC 8878, section 3.1.1.2: a block is no larger than the window

CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
TRAILERS = re.compile(rb"(?:[^\r\n]++\r?\n)*+\r?\n")

Bytes = bytes | memoryview


def plain(size: int) -> bytes:
    """Return the page, repeated and cut."""
    return (PAGE * (size // len(PAGE) + 1))[:size]


def gzip(size: int) -> bytes:
    """Return a gzip member (RFC 1952) of `size` bytes; the least there is has 20."""
    if size < 23:  # an empty member, made longer by a file name
        name = b"x" * (size - 21) + b"\0" if size > 20 else b""
        return GZIP_HEAD % (8 if name else 0) + name + b"\x03\0" + bytes(8)
    content, blocks = stored(size - 18)
    trailer = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return b"".join((GZIP_HEAD % 0, *blocks, trailer))


def deflate(size: int) -> bytes:
    """Return a zlib stream (RFC 1950, which HTTP calls deflate) of `size` bytes; the least there is has 8."""
    if size < 11:  # one, two or three empty blocks of 10 bits; the last is marked as such
        empty = sum((2 | (index == size - 8)) << 10 * index for index in range(size - 7))
        return b"\x78\x01" + empty.to_bytes(size - 6, "little") + b"\0\0\0\x01"
    content, blocks = stored(size - 6)
    return b"".join((b"\x78\x01", *blocks, zlib.adler32(content).to_bytes(4, "big")))


def stored(size: int) -> tuple[memoryview, list[Bytes]]:
    """Return content, and the deflate stream of exactly `size` bytes that stores it (RFC 1951, section 3.2.4)."""
    content, blocks = split(size, block_head=5, most=STORED_MAX)
    stream: list[Bytes] = []
    for last, block in blocks:
        length = len(block)
        stream += b"%c" % last + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little"), block
    return content, stream


def brotli(size: int) -> bytes:
    """Return a brotli stream (RFC 7932) of `size` bytes, in uncompressed meta-blocks; any size above 0 will do."""
    if size == 1:
        return b"\x06"
    if size < 5:  # empty metadata blocks
        return b"\x0c" + b"\x06" * (size - 2) + b"\x03"
    _content, blocks = split(size - 1, block_head=3, most=BROTLI_MAX)
    stream: list[Bytes] = []
    for index, (_last, block) in enumerate(blocks):
        bits = (len(block) - 1) << 3 | 1 << 19  # ISLAST 0, MNIBBLES 0, MLEN - 1, ISUNCOMPRESSED 1
        stream += (bits << 1 if index == 0 else bits).to_bytes(3, "little"), block  # one bit of WBITS comes first
    return b"".join((*stream, b"\x03"))


def zstd(size: int) -> bytes:
    """Return a Zstandard frame (RFC 8878) of `size` bytes, in raw blocks; the least there is has 9."""
    _content, blocks = split(size - 6, block_head=3, most=ZSTD_MAX)
    stream: list[Bytes] = []
    for last, block in blocks:
        stream += (last | len(block) << 3).to_bytes(3, "little"), block
    return b"".join((ZSTD_HEAD, *stream))


def split(size: int, *, block_head: int, most: int) -> tuple[memoryview, list[tuple[bool, memoryview]]]:
    """Return content, and the blocks to carry it with their heads in exactly `size` bytes; no block is a copy.

    Each comes with whether it is the last; they differ in size by a byte at most, so that none is empty.
    """
    count = -(-size // (most + block_head))
    content = memoryview(plain(size - block_head * count))
    cuts = [len(content) * index // count for index in range(count + 1)]
    return content, [(index == count - 1, content[cuts[index] : cuts[index + 1]]) for index in range(count)]


MAKERS = {
    "": plain,
    "identity": plain,
    "gzip": gzip,
    "x-gzip": gzip,
    "deflate": deflate,
    "br": brotli,
    "zstd": zstd,
}


def made_body(wanted: MadeBody) -> bytes:
    """Return a body as it is wanted, of one page where its size is the site's to choose."""
    size = len(PAGE) if wanted.size_bytes is None else wanted.size_bytes
    body = coded(wanted.coding, size)
    return chunked(body) if wanted.chunked else body


def coded(coding: str, size: int) -> bytes:
    """Return a body of `size` bytes in a content coding (lower case; empty for none). Raises Unplayable."""
    check_makable(coding, size)
    return MAKERS[coding](size) if size else b""


def chunked(body: bytes) -> bytes:
    """Return a body in the chunked transfer coding (RFC 9112, section 7.1)."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"


def ends_chunked(body: bytes) -> bool:
    """Return whether a body is whole in the chunked transfer coding, with nothing after it."""
    at = 0
    while chunk := CHUNK_HEAD.match(body, at):
        size = int(chunk[1], 16)
        if size == 0:
            trailers = TRAILERS.match(body, chunk.end())
            return trailers is not None and trailers.end() == len(body)
        at = chunk.end() + size
        if body[at : at + 2] != b"\r\n":
            return False
        at += 2
    return False
