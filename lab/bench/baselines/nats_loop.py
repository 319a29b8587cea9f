"""A contestant: a minimal pipeline over JetStream by nats-py's own calls, as its examples show them.

`python -m lab.bench.baselines.nats_loop --loop LOOP` is a worker, until a SIGTERM; `run` is the producer, which also
collects. It keeps the same order as the edition: a result is published and acknowledged by the broker before its job is
(`ack_sync`). It sends as many at once as the edition does in a batch. It has no reconnection, no dead letters, no
ledger, and one stream for all runs.
"""

import argparse
import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count, islice
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError, ServiceUnavailableError

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, numbers, reply_to
from services.runtime.run import loop_factory

BATCH = 64
FETCH_S = 1.0
FULL_S = 0.01
MESSAGE_ID = "Nats-Msg-Id"
USER = "asynclab"
RUNS = count(1)


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    """Connect to the broker that the environment names."""
    password = await asyncio.to_thread(Path(os.environ["BROKER_PASSWORD_FILE"]).read_text, "utf-8")
    client = await nats.connect(os.environ["BROKER_URL"], user=USER, password=password)
    try:
        yield client
    finally:
        await client.close()


async def make_streams(js: JetStreamContext, queue_size: int) -> None:
    """Make the stream of jobs, a work queue that refuses what is above its bound, and that of results, which stay."""
    await js.add_stream(
        name="JOBS",
        subjects=["jobs"],
        retention=api.RetentionPolicy.WORK_QUEUE,
        storage=api.StorageType.FILE,
        max_msgs=queue_size,
        discard=api.DiscardPolicy.NEW,
    )
    await js.add_stream(name="RESULTS", subjects=["results"], storage=api.StorageType.FILE)


async def run(items: int, options: Options) -> int:
    """Publish so many items and collect their results; return how many there are."""
    async with connected() as client:
        js = client.jetstream()
        await make_streams(js, options.queue_size)
        room = asyncio.Semaphore(options.queue_size)
        config = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE, deliver_policy=api.DeliverPolicy.NEW)
        results = await js.pull_subscribe("results", config=config)  # before the first job, so that none is missed
        async with asyncio.TaskGroup() as group:
            collecting = group.create_task(collect(results, items, room))
            await produce(js, items, room, name=f"{os.getpid()}.{next(RUNS)}")
        return collecting.result()


async def produce(js: JetStreamContext, items: int, room: asyncio.Semaphore, *, name: str) -> None:
    """Publish the items, a batch at a time, and no more than there is room for."""
    source = numbers(items)
    while batch := list(islice(source, BATCH)):
        for _ in batch:
            await room.acquire()
        await asyncio.gather(*(put(js, item, f"{name}.{item.id}") for item in batch))


async def put(js: JetStreamContext, item: Item, message_id: str) -> None:
    """Publish a job; again after a moment where the stream is full: its result is there before its acknowledgement."""
    while True:
        with suppress(ServiceUnavailableError):
            await js.publish("jobs", json.dumps(item).encode(), headers={MESSAGE_ID: message_id})
            return
        await asyncio.sleep(FULL_S)


async def collect(results: JetStreamContext.PullSubscription, items: int, room: asyncio.Semaphore) -> int:
    """Read results until there are as many as items; none counts twice."""
    done: set[int] = set()
    while len(done) < items:
        for message in await fetched(results, 4 * BATCH):
            done.add(json.loads(message.data)[0])
            room.release()
    return len(done)


async def work() -> None:
    """Fetch jobs, a batch at a time; publish the results; then acknowledge the jobs."""
    async with connected() as client:
        js = client.jetstream()
        jobs = await bound(js)
        while True:
            messages = await fetched(jobs, BATCH)
            await asyncio.gather(*(record(js, message) for message in messages))


async def bound(js: JetStreamContext) -> JetStreamContext.PullSubscription:
    """Return the consumer that all workers share, once its stream is there."""
    config = api.ConsumerConfig(ack_policy=api.AckPolicy.EXPLICIT, max_ack_pending=-1)
    while True:
        with suppress(NotFoundError):
            return await js.pull_subscribe("jobs", durable="workers", config=config)
        await asyncio.sleep(0.02)


async def fetched(subscription: JetStreamContext.PullSubscription, most: int) -> list[Msg]:
    """Return what is there, or comes within a second."""
    try:
        return await subscription.fetch(most, FETCH_S)
    except TimeoutError:
        return []


async def record(js: JetStreamContext, message: Msg) -> None:
    """Do the work, and see that its result is safe before the job is gone."""
    item = Item(*json.loads(message.data))
    number = (message.headers or {})[MESSAGE_ID]
    await js.publish("results", json.dumps((item.id, reply_to(item).reply)).encode(), headers={MESSAGE_ID: number})
    await message.ack_sync(timeout=30)


async def until_sigterm() -> None:
    """Work until a SIGTERM."""
    working = asyncio.create_task(work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    with suppress(asyncio.CancelledError):
        await working


def main() -> None:
    """Read the options, and work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(until_sigterm())


if __name__ == "__main__":
    main()
