"""Which runs there are: a stream that has one message of each, its *entry*.

A run whose producer has all results is finished: it has no jobs any more, and its results are kept for a while. To
remove a run, its entry is first made empty, then its streams are deleted, and the entry is purged. A crash of the
broker may undo a purge. So an entry that is empty, or whose run has no stream of results, is no run.

A producer *claims* its run. As long as it lives it answers to `owner.<run>`, so that no second producer goes on with
the same run meanwhile. Of a producer that was killed, the broker says at once that it does not answer. A producer whose
machine or network is gone is silent until the broker has given up its connection. If it comes back after that, it finds
that another producer has claimed the run, and ends.
"""

import asyncio
import enum
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.errors import BrokerRefuses, RunRefused, StreamGone
from services.client.pipeline.jetstream.broker.requests import Requests, has_no_listener, members_of, refusal_of
from services.client.pipeline.jetstream.broker.streams import (
    NO_SUCH_STREAM,
    RUNS,
    WRONG_LAST_SEQUENCE,
    Api,
    Refused,
    Stored,
    dead_of,
    jobs_of,
    part,
    registry_stream,
    results_of,
    run_streams,
)
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.run import Run, decode_run, differences
from services.runtime.tasks import background_task
from services.runtime.terminal import say

LAST_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
OWNER_TRIES = 2
SILENT_ASKS = 3  # more than the time after which a broker gives up a connection that is silent


class Owner(enum.Enum):
    """What is known of the producer that has a run."""

    NONE = "no producer has it"
    HERE = "its producer answers"
    SILENT = "its producer is connected, and does not answer"


class Registry:
    """The runs of one broker."""

    def __init__(self, requests: Requests) -> None:
        self._requests, self._api = requests, Api(requests)

    async def ids(self) -> list[str]:
        """Return the ids of all entries."""
        try:
            answer = await self._api.ask(f"STREAM.INFO.{RUNS}", {"subjects_filter": ">"})
        except Refused as refused:
            if refused.code != NO_SUCH_STREAM:
                raise
            return []
        return sorted(subject.removeprefix("runs.") for subject in part(part(answer, "state"), "subjects"))

    async def entry(self, run: str) -> Stored | None:
        """Return what the registry has of a run."""
        return await self._api.last_message(RUNS, f"runs.{run}")

    async def stands(self, run: str, entry: Stored | None) -> bool:
        """Return whether this entry is one of a run, and not what is left of one that was removed."""
        return entry is not None and bool(entry.data) and await self.result_bytes(run) is not None

    async def result_bytes(self, run: str) -> int | None:
        """Return the size of a run's results at the broker; None where there is no stream of them."""
        try:
            return (await self._api.stream_state(results_of(run))).size
        except StreamGone:
            return None

    async def owner(self, run: str) -> Owner:
        """Ask for the producer of a run."""
        try:
            answer = await self._requests.ask(f"owner.{run}", b"", tries=OWNER_TRIES)
        except TimeoutError:
            return Owner.SILENT
        return Owner.NONE if has_no_listener(answer) else Owner.HERE

    async def is_owned(self, run: str) -> bool:
        """Return whether a producer has this run. One that does not answer, but is connected, has it too."""
        return await self.owner(run) is not Owner.NONE

    async def _await_no_owner(self, run: str) -> None:
        """Return when no producer has this run; one that is silent may be gone. Raises RunRefused."""
        for ask in range(SILENT_ASKS):
            owner = await self.owner(run)
            if owner is Owner.NONE:
                return
            if owner is Owner.HERE:
                break
            if not ask:
                say(f"the program that works on run {run} does not answer: waiting until the broker has given it up")
        raise RunRefused(f"another program works on run {run}: wait for its end, or leave out --run")

    @asynccontextmanager
    async def claimed(self, asked: Run) -> AsyncIterator[tuple[Run, bool]]:
        """Yield the run, and whether it was there already; while inside, no other producer can have it.

        `finished` of what is yielded says whether it was; it is not, as long as this producer has it.

        Raises RunRefused where another one has it, or where it was begun otherwise.
        """
        await self._api.make_stream(registry_stream())
        entry = await self.entry(
            asked.id
        )  # read before the owner is asked for: a producer that claims the run meanwhile changes it
        if entry is not None:
            await self._await_no_owner(asked.id)
        goes_on = await self.stands(asked.id, entry)
        stored = self._stored(asked, entry) if entry is not None and goes_on else asked
        run = replace(stored, owner=secrets.token_hex(8), finished=False, traced=asked.traced)
        async with self._owned(run.id):
            if not await self._write(run.id, run.encode(), after=entry):
                raise RunRefused(f"another program has just claimed run {run.id}: leave out --run")
            if not goes_on:  # what there is of its streams is left from a run that was removed
                await self._delete_streams(run.id)
            for config in run_streams(run.id, run.queue_size):
                await self._api.make_stream(config)
            await self._requests.ask(f"runs.{run.id}", run.encode())  # workers look again: now there are its streams
            async with background_task(self._check_owner(run)):
                yield replace(run, finished=stored.finished), goes_on

    async def _check_owner(self, run: Run) -> None:
        """Check, on each new connection, that the run is still this producer's. Raises RunRefused, in a group."""
        connected = asyncio.Event()

        async def note() -> None:
            connected.set()

        connection = self._requests.connection
        connection.on_connected.append(note)
        try:
            while True:
                await connected.wait()
                connected.clear()
                if await self._has_another_owner(run):
                    raise RunRefused(f"another program has gone on with run {run.id}, while this one was away")
        finally:
            connection.on_connected.remove(note)

    async def _has_another_owner(self, run: Run) -> bool:
        entry = await self.entry(run.id)
        if entry is None or not entry.data:
            return False  # it was removed: its streams tell
        try:
            return decode_run(entry.data).owner != run.owner
        except Undecodable:
            return True

    async def _write(self, run: str, data: bytes, *, after: Stored | None) -> bool:
        """Write an entry in place of another one; return False where it is no more the newest. Raises BrokerRefuses."""
        headers = {LAST_SEQUENCE: str(after.seq if after else 0)}
        answer = await self._requests.ask(f"runs.{run}", data, headers=headers)
        url = self._requests.connection.settings.url
        refusal = None if has_no_listener(answer) else refusal_of(members_of(answer, url), url)
        if refusal is None:
            return True
        code, text = refusal
        if code == WRONG_LAST_SEQUENCE:
            now = await self.entry(run)  # it is ours where only its answer was lost
            return now is not None and now.data == data
        raise BrokerRefuses(f"the broker does not take the run: {text}")

    def _stored(self, asked: Run, entry: Stored) -> Run:
        try:
            stored = decode_run(entry.data)
        except Undecodable as error:
            raise RunRefused(f"run {asked.id} cannot be read ({error}): begin another") from error
        if differing := differences(asked, stored):
            same = "input" if asked.source != stored.source else "options"
            raise RunRefused(f"run {asked.id} was begun with {differing}: ask for the same {same}")
        return stored

    async def finish(self, run: Run) -> None:
        """Note that a run is finished: its results and reasons stay, and it has no jobs any more."""
        await self._requests.ask(f"runs.{run.id}", replace(run, finished=True).encode())
        await self._api.delete_stream(jobs_of(run.id))

    async def remove(self, run: str) -> bool:
        """Delete a run and all that is in its streams; return False where a producer has just claimed it."""
        entry = await self.entry(run)
        return await self.remove_entry(run, entry)

    async def remove_entry(self, run: str, entry: Stored | None) -> bool:
        """Delete a run as `remove` does, but not where its entry has become another one meanwhile."""
        if entry is not None and not await self._write(run, b"", after=entry):
            return False
        await self._delete_streams(run)
        with suppress(Refused):
            await self._api.ask(f"STREAM.PURGE.{RUNS}", {"filter": f"runs.{run}"})
        return True

    async def _delete_streams(self, run: str) -> None:
        for stream in (jobs_of(run), results_of(run), dead_of(run)):
            await self._api.delete_stream(stream)

    @asynccontextmanager
    async def _owned(self, run: str) -> AsyncIterator[None]:
        """Answer, while inside, that this program has the run."""
        connection = self._requests.connection
        questions: asyncio.Queue[Msg] = asyncio.Queue()

        async def answer() -> None:
            while True:
                question = await questions.get()
                await connection.publish(question.reply, b"here")

        subscription = await connection.subscribe(f"owner.{run}", questions.put_nowait)
        try:
            async with background_task(answer()):
                yield
        finally:
            await connection.unsubscribe(subscription)
