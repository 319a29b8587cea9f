"""What the client of nats-py does not do by itself: end in time, pass a cancellation on, refuse an old broker.

A `Connection` has one such client at a time, and makes the next one when it breaks.
"""

import asyncio
import logging
import os
from contextlib import suppress

import nats.errors
from nats.aio.client import Client

from services.client.pipeline.jetstream.broker.errors import BrokerRefuses

OLDEST_VERSION = (2, 10, 23)  # 2.10.20 to 22 can lose a stream in a crash
CLOSE_S = 0.5

# What a connection can raise that breaks; RuntimeError: uvloop, where a transport has just been closed.
FOREIGN = (nats.errors.Error, OSError, TimeoutError, RuntimeError)

logging.getLogger("nats").setLevel(logging.CRITICAL + 1)  # `reason` says what went wrong, in one line


async def end(client: Client) -> None:
    """Close a client of nats-py. Its own way waits for a peer that may never read: the socket is then cut off."""
    with suppress(*FOREIGN):
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    writer = getattr(client._transport, "_bare_io_writer", None)
    if writer is not None:
        writer.transport.abort()


def heed_cancellation() -> None:
    """Raise CancelledError where this task was cancelled, and nats-py did not tell.

    It waits by `asyncio.wait_for`, which before Python 3.12 drops a cancellation that comes together with the result.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def check_version(client: Client) -> None:
    """Refuse a broker that is known to lose messages. Raises BrokerRefuses."""
    version = client.connected_server_version
    try:
        numbers = (version.major, version.minor, version.patch)
    except ValueError:
        numbers = (0, 0, 0)
    if numbers < OLDEST_VERSION:
        found, needed = (".".join(map(str, each)) for each in (numbers, OLDEST_VERSION))
        raise BrokerRefuses(f"the broker is nats-server {found}, and older ones can lose jobs: run {needed} or newer")


def reason(error: BaseException) -> str:
    """Return the text of an error of nats-py or of the network, in one line."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.removeprefix("nats: ").split())
