"""What an aiohttp session of the client keeps to: bodies are read to a bound, and not decoded.

aiohttp reads a body to its end, however long it is, and decodes it: a few compressed bytes can be gigabytes.
"""

import aiohttp

NOT_ENCODED = {"Accept-Encoding": "identity"}  # the request field of sessions that do not decode bodies


async def read_at_most(content: aiohttp.StreamReader, most_bytes: int) -> bytes | None:
    """Return a body; None where it has more bytes than that."""
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > most_bytes:
            return None
    return bytes(body)
