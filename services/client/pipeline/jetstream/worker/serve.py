"""A worker: follows the runs of a broker, and works at each of them until its producer ends it.

    async with background_task(serve(settings, stop, concurrency=8, name="here")): ...   # in the same process

`client worker` is this as a program.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from nats.aio.msg import Msg

from services.client.pipeline.edition import WorkOf
from services.client.pipeline.jetstream.broker.connection import Connection, connect
from services.client.pipeline.jetstream.broker.errors import BrokerSilent, broker_of
from services.client.pipeline.jetstream.broker.publisher import Publisher, publishing
from services.client.pipeline.jetstream.broker.requests import Requests, requesting
from services.client.pipeline.jetstream.broker.streams import Refused
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.registry import Registry
from services.client.pipeline.jetstream.run import Run, decode_run
from services.client.pipeline.jetstream.worker.run_worker import RunWorker
from services.client.pipeline.work import make_work
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.run import first_error
from services.runtime.tasks import background_task, set_within
from services.runtime.terminal import printable, say

MakeWork = Callable[..., AbstractAsyncContextManager[WorkOf]]
"""As `make_work`."""

TELL_S = 1.0  # how often the producers are told that the broker stores no result
SILENT_S = 2.0  # from when on
LOOK_S = 5.0  # how often the registry is read, besides each time that a run is announced
FLUSH_S = 1.0
MAX_SHOWN = 40  # characters of a run's id in a line: an entry may have any name
LEAVE_S = 7.0  # after a stop, at most: more than the grace of the work in progress, and less than Compose gives


class Worker:
    """Works at all runs of one broker."""

    def __init__(
        self,
        connection: Connection,
        requests: Requests,
        publisher: Publisher,
        settings: ClientSettings,
        *,
        name: str,
        concurrency: int,
        make: MakeWork,
    ) -> None:
        self._connection, self._requests, self._publisher, self._settings = connection, requests, publisher, settings
        self._name, self._concurrency, self._make = name, concurrency, make
        self._registry = Registry(requests)
        self._workers: dict[str, RunWorker] = {}
        self._at_rest: set[str] = set()  # runs that are finished, until they are announced
        self._told: set[str] = set()  # runs of which it was said why they are not worked at
        self._refused: set[str] = set()  # runs of which it was said that the broker refuses a request
        self._announced = asyncio.Event()

    async def follow(self, stop: asyncio.Event) -> None:
        """Work at each run that there is, until the stop."""
        subscription = await self._connection.subscribe("runs.*", self._note)
        self._connection.on_connected.append(self._look_again)
        try:
            async with asyncio.TaskGroup() as group:
                stopping = group.create_task(self._wake_at(stop))
                telling = group.create_task(self._tell_producers())
                while not stop.is_set():
                    self._announced.clear()
                    for run in await self._registry.ids():
                        if run not in self._workers and run not in self._told and run not in self._at_rest:
                            await self._begin(run, group)
                    await set_within(self._announced, LOOK_S)
                stopping.cancel()
                telling.cancel()
                for worker in self._workers.values():
                    worker.stop()
        finally:
            self._connection.on_connected.remove(self._look_again)
            await self._connection.unsubscribe(subscription)

    async def _begin(self, run_id: str, group: asyncio.TaskGroup) -> None:
        self._at_rest.add(run_id)  # before its entry is read: it may be announced meanwhile
        entry = await self._registry.entry(run_id)
        if entry is None or not await self._registry.stands(run_id, entry):
            return
        try:
            run = decode_run(entry.data)
            if run.id != run_id:
                raise Undecodable("its name is another one inside")
        except Undecodable as error:
            self._leave(run_id, str(error))
            return
        if run.finished:
            return
        self._at_rest.discard(run_id)
        self._workers[run_id] = worker = RunWorker(
            self._connection, self._requests, self._publisher, run, name=self._name, concurrency=self._concurrency
        )
        group.create_task(self._work(run, worker))

    async def _work(self, run: Run, worker: RunWorker) -> None:
        try:
            # One consumer more: it alone works at jobs that may end their worker.
            async with self._make(run.fetch, self._settings, concurrency=self._concurrency + 1) as work_of:
                await worker.work(work_of)
        except* (Refused, BrokerSilent) as group:  # it is asked again
            if run.id not in self._refused:
                self._refused.add(run.id)
                say(f"worker: run {run.id} waits: {printable(str(first_error(group)))}")
        except* ProgramError as group:
            self._leave(run.id, str(first_error(group)))
        finally:
            del self._workers[run.id]

    async def _tell_producers(self) -> None:
        """Tell the producers as long as the broker stores no result: they alone can end their runs."""
        while True:
            await asyncio.sleep(TELL_S)
            if self._publisher.silent_s > SILENT_S:
                for run in list(self._workers):
                    await self._connection.publish(f"stuck.{run}", self._publisher.reason.encode())

    def _leave(self, run_id: str, why: str) -> None:
        self._told.add(run_id)
        say(f"worker: run {printable(run_id[:MAX_SHOWN])} is left to other workers: {printable(why)}")

    def _note(self, message: Msg) -> None:
        run_id = message.subject.removeprefix("runs.")
        self._at_rest.discard(run_id)
        self._announced.set()
        if worker := self._workers.get(run_id):  # another program goes on with this run
            with suppress(Undecodable):
                worker.trace(is_on=decode_run(message.data).traced)

    async def _look_again(self) -> None:
        self._at_rest.clear()
        self._announced.set()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._announced.set()


async def serve(
    settings: ClientSettings, stop: asyncio.Event, *, concurrency: int, name: str, make: MakeWork = make_work
) -> None:
    """Work at all runs until the stop. `make`: makes the work of a run.

    Raises NoBroker, BrokerAbsent, BrokerRefuses; BrokerLost and BrokerSilent come in a group."""
    async with (
        connect(broker_of(settings), name=name) as connection,
        requesting(connection) as requests,
        publishing(requests) as publisher,
    ):
        loop = asyncio.get_running_loop()

        async def limit_at_stop() -> None:
            await stop.wait()
            limit.reschedule(loop.time() + LEAVE_S)

        worker = Worker(connection, requests, publisher, settings, name=name, concurrency=concurrency, make=make)
        with suppress(TimeoutError):  # a broker that is away gets no job back
            async with asyncio.timeout(None) as limit, background_task(limit_at_stop()):
                await worker.follow(stop)
        await connection.flush(FLUSH_S)
