"""How the healthy client judges an answer."""

import asyncio

import pytest

from lab.bench.chaos.clients.healthy import WrongAnswer, read_answer, word_for

pytestmark = pytest.mark.anyio


async def read(data: bytes) -> tuple[bool, bytes]:
    """Return whether the connection stays open, and the bytes after the answer."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    keep = await read_answer(reader)
    return keep, await reader.read()


@pytest.mark.parametrize(
    ("answer", "keep", "rest"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokNEXT", True, b"NEXT"),
        (b"HTTP/1.1 302 Found\r\ncontent-length:0\r\nConnection: Close\r\n\r\n", False, b""),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\nNEXT", True, b"NEXT"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", False, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\nNEXT", True, b"NEXT"),
    ],
    ids=["length", "close", "1.0", "chunked", "to the end", "no body"],
)
async def test_an_answer_is_read_to_its_end_and_no_further(answer: bytes, keep: bool, rest: bytes) -> None:
    """RFC 9112, section 6.3."""
    assert await read(answer) == (keep, rest)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "closed"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 421 No\r\nContent-Length: 0\r\n\r\n", "status 421"),
        (b"garbage\r\n\r\n", "malformed"),
    ],
    ids=["nothing", "cut short", "503", "421", "garbage"],
)
async def test_each_bad_answer_has_its_class(answer: bytes, word: str) -> None:
    """The classes are the rows of a table."""
    with pytest.raises((EOFError, ValueError, WrongAnswer)) as failure:
        await read(answer)
    assert word_for(failure.value) == word
