"""Made bodies: exactly as long as the head says, valid in their coding, and read by another library's decoder."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from services.runtime.playable import SMALLEST_BODIES as MIN_BYTES
from services.runtime.playable import Unplayable
from services.sites.http.body import MAKERS, PAGE, chunked, coded, ends_chunked, plain

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
SIZES = [*range(1, 64), 92_426, *range(65_530, 65_560), *range(131_070, 131_100), 262_150, 1_000_003]


@pytest.mark.parametrize("coding", DECODERS)
def test_a_body_of_every_size_is_valid_and_fits(coding: str) -> None:
    """Every size from the least on, around each block boundary, and large: decoded, it is the page, repeated."""
    for size in SIZES:
        if size < MIN_BYTES[coding]:
            continue
        body = coded(coding, size)
        decoded = DECODERS[coding](body)
        assert len(body) == size
        assert decoded == plain(len(decoded))


@pytest.mark.parametrize("coding", [coding for coding in MIN_BYTES if MIN_BYTES[coding] > 1])
def test_a_size_too_small_for_its_coding_is_refused(coding: str) -> None:
    """A compressed format has bytes of its own."""
    with pytest.raises(Unplayable, match=r"no .* body has"):
        coded(coding, MIN_BYTES[coding] - 1)


def test_every_coding_that_is_said_to_be_makable_is_made() -> None:
    """The recorder reads the table of smallest sizes, and the site has the encoders."""
    assert MAKERS.keys() == MIN_BYTES.keys() == DECODERS.keys()


def test_no_bytes_need_no_coding() -> None:
    """Content-Length: 0 is no body, with any Content-Encoding."""
    assert coded("gzip", 0) == b""


def test_an_unknown_coding_is_refused() -> None:
    """No client could decode such a body."""
    with pytest.raises(Unplayable, match="Content-Encoding 'sdch'"):
        coded("sdch", 10)


CHUNKED = {
    "one chunk": (chunked(PAGE), True),
    "empty": (b"0\r\n\r\n", True),
    "two chunks, an extension, a trailer": (b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n", True),
    "cut in a chunk": (b"5\r\nabc", False),
    "no last chunk": (b"3\r\nabc\r\n", False),
    "cut in the trailers": (b"0\r\nX: y\r\n", False),
    "more after it": (b"0\r\n\r\nHTTP/1.1", False),
    "not chunked": (b"hello", False),
}


@pytest.mark.parametrize(("body", "whole"), CHUNKED.values(), ids=CHUNKED)
def test_whether_a_chunked_body_is_whole(body: bytes, whole: bool) -> None:
    """Only then can the connection be used again."""
    assert ends_chunked(body) is whole
