"""Answers of servers that may be anything: read to a bound, since an endless one would fill any memory."""

import aiohttp

AS_IT_COMES = {"Accept-Encoding": "identity"}  # sessions read bodies as they come: a few coded bytes can be gigabytes


async def read_at_most(content: aiohttp.StreamReader, most_bytes: int) -> bytes | None:
    """Return a body; None where it has more bytes than that."""
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > most_bytes:
            return None
    return bytes(body)
