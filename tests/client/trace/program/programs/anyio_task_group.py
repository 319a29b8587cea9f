"""A task group of anyio: three workers send what they have made through a stream, and one of them is cancelled."""

import sys

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream


async def worker(number: int, results: MemoryObjectSendStream[int]) -> None:
    """Work for a while, and send the result."""
    async with results:
        await anyio.sleep(0.01 * number)
        await results.send(number)


async def never() -> None:
    """Wait without an end."""
    await anyio.sleep_forever()


async def main() -> None:
    """Start the workers, and take what they send."""
    sending, receiving = anyio.create_memory_object_stream[int](0)
    async with anyio.create_task_group() as group:
        group.start_soon(never, name="never")
        async with sending:
            for number in (1, 2, 3):
                group.start_soon(worker, number, sending.clone(), name=f"worker {number}")
        print("got", await all_of(receiving))
        group.cancel_scope.cancel()
    await anyio.to_thread.run_sync(len, "in a thread")


async def all_of(results: MemoryObjectReceiveStream[int]) -> list[int]:
    """Return what comes, until all senders have ended."""
    async with results:
        return [result async for result in results]


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": sys.argv[1] == "uvloop"})
