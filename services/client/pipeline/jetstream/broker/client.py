"""nats-py's client, made to bear any message and any end of its connection.

What nats-py cannot decode ends its reading without a word: the connection stands, and nothing is heard through it until
pings are missed. What breaks while it closes is raised in a task that nothing awaits, and asyncio prints it later as a
traceback. Both are mended here.
"""

import asyncio
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

# What a connection can raise that breaks; RuntimeError: uvloop, where a transport has just been closed.
FOREIGN = (nats.errors.Error, OSError, TimeoutError, RuntimeError)
CLOSE_S = 0.5


class EnduringClient(Client):
    """A client of nats-py that reads on after a message that is no text, and whose tasks end without an error."""

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        """Return a message. A broker takes any bytes as a subject: what is no text in it becomes U+FFFD."""
        subject, reply = (each.decode("utf-8", "replace").encode() for each in (subject, reply))
        return super()._build_message(sid, subject, reply, data, headers)  # type: ignore[no-any-return]

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        """Return the fields of a message's header; None where it is none."""
        try:
            return await super()._process_headers(headers)
        except (IndexError, ValueError):
            return None

    async def _read_loop(self) -> None:
        """Read until the connection ends. It is closed where nats-py has stopped to read for another reason."""
        await super()._read_loop()
        if self.is_connected:
            await self._process_op_err(nats.errors.ProtocolError())

    async def _ping_interval(self) -> None:
        with suppress(*FOREIGN):
            await super()._ping_interval()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        with suppress(*FOREIGN):
            await super()._close(status, do_cbs)


async def end(client: Client) -> None:
    """Close a client of nats-py. Its own way waits for a peer that may never read: the socket is then cut off."""
    with suppress(*FOREIGN):
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    writer = getattr(client._transport, "_bare_io_writer", None)
    if writer is not None:
        writer.transport.abort()


def cancellations_so_far() -> int:
    """Return how often this task was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def heed_cancellation(before: int = 0) -> None:
    """Raise CancelledError where this task was cancelled more than `before` times, and nats-py did not tell.

    It drops a cancellation while it waits for a peer that does not read. And it waits by `asyncio.wait_for`, which
    before Python 3.12 drops one that comes together with the result.
    """
    if cancellations_so_far() > before:
        raise asyncio.CancelledError
