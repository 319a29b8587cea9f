"""Which runs there are: a stream that has one message of each, from its begin until its producer has all results.

A producer *claims* its run. As long as it lives it answers to `owner.<run>`, so that no second one goes on with the
same run meanwhile; a producer that was killed answers no more, at once.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.errors import BrokerRefuses, RunRefused
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.requests import Requests, has_no_listener, members_of, refusal_of
from services.client.pipeline.jetstream.run import Run, decode_run, differences
from services.client.pipeline.jetstream.streams import (
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
from services.runtime.tasks import background_task

LAST_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
OWNER_TRIES = 2


class Registry:
    """The runs of one broker."""

    def __init__(self, requests: Requests) -> None:
        self._requests, self._api = requests, Api(requests)

    async def ids(self) -> list[str]:
        """Return the ids of all runs."""
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

    async def is_owned(self, run: str) -> bool:
        """Return whether a producer has this run. One that does not answer, but is connected, has it too."""
        try:
            answer = await self._requests.ask(f"owner.{run}", b"", tries=OWNER_TRIES)
        except TimeoutError:
            return True
        return not has_no_listener(answer)

    @asynccontextmanager
    async def claimed(self, asked: Run) -> AsyncIterator[tuple[Run, bool]]:
        """Yield the run, and whether it was there already; while inside, no other producer can have it.

        Raises RunRefused where another one has it, or where it was begun otherwise.
        """
        await self._api.make_stream(registry_stream())
        entry = await self.entry(asked.id)  # before it is asked for its owner: who claims it meanwhile changes it
        if entry is not None and await self.is_owned(asked.id):
            raise RunRefused(f"another program works on run {asked.id}: wait for its end, or leave out --run")
        run = replace(asked if entry is None else self._stored(asked, entry), owner=secrets.token_hex(8))
        async with self._owned(run.id):
            await self._claim(run, entry)
            if entry is None:  # streams that nothing in the registry belongs to are left from a run that was ended
                await self._delete_streams(run.id)
            for config in run_streams(run.id, run.queue_size):
                await self._api.make_stream(config)
            await self._requests.ask(f"runs.{run.id}", run.encode())  # workers look again: now there are its streams
            yield run, entry is not None

    async def _claim(self, run: Run, entry: Stored | None) -> None:
        headers = {LAST_SEQUENCE: str(entry.seq if entry else 0)}
        answer = await self._requests.ask(f"runs.{run.id}", run.encode(), headers=headers)
        url = self._requests.connection.settings.url
        refusal = None if has_no_listener(answer) else refusal_of(members_of(answer, url), url)
        if refusal is None:
            return
        code, text = refusal
        if code == WRONG_LAST_SEQUENCE:
            now = await self.entry(run.id)  # it is ours where only its answer was lost
            if now is None or now.data != run.encode():
                raise RunRefused(f"another program has just claimed run {run.id}: leave out --run")
        else:
            raise BrokerRefuses(f"the broker does not take the run: {text}")

    def _stored(self, asked: Run, entry: Stored) -> Run:
        try:
            stored = decode_run(entry.data)
        except Undecodable as error:
            raise RunRefused(f"run {asked.id} cannot be read ({error}): begin another") from error
        if differing := differences(asked, stored):
            names = ", ".join(name.removesuffix("_s").replace("_", "-") for name in differing)
            raise RunRefused(f"run {asked.id} was begun as {stored.source!r} with another {names}: ask for the same")
        return stored

    async def remove(self, run: str) -> None:
        """Delete a run and all that is in its streams."""
        with suppress(Refused):
            await self._api.ask(f"STREAM.PURGE.{RUNS}", {"filter": f"runs.{run}"})
        await self._delete_streams(run)

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
