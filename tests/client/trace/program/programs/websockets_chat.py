"""A chat by websockets: what one says, everyone hears."""

import asyncio
import sys
from typing import Any

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

NAMES = ("ann", "ben")
present: set[ServerConnection] = set()


async def chat(connection: ServerConnection) -> None:
    """Pass on what a person says."""
    present.add(connection)
    try:
        async for message in connection:
            broadcast(present, message)
    finally:
        present.discard(connection)


async def person(port: int, name: str, arrived: asyncio.Barrier) -> None:
    """Say hello when all are there, and hear everyone's."""
    async with connect(f"ws://127.0.0.1:{port}") as connection:
        await arrived.wait()
        await connection.send(f"hello from {name}")
        for _ in NAMES:
            await connection.recv()


async def main() -> None:
    """Open the chat, and let people in."""
    arrived = asyncio.Barrier(len(NAMES))
    async with serve(chat, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.TaskGroup() as group:
            for name in NAMES:
                group.create_task(person(port, name, arrived), name=name)
    print("heard", len(NAMES) ** 2)


if __name__ == "__main__":
    run: Any = uvloop.run if sys.argv[1] == "uvloop" else asyncio.run
    run(main())
