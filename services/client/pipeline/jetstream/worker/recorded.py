"""A worker's work, recorded for its own --trace: a phase for each job in the lane of the consumer that works at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.client.pipeline.edition import WorkOf
from services.client.pipeline.jetstream.worker.serve import MakeWork
from services.client.pipeline.recorded import Flow, noted_work
from services.client.pipeline.work import make_work
from services.client.settings import ClientSettings
from services.client.survey.options import Options as FetchOptions
from services.client.trace.recorder import Recorder


def noting(recorder: Recorder) -> MakeWork:
    """Return what makes the work of a run, recorded."""

    @asynccontextmanager
    async def make(fetch: FetchOptions | None, settings: ClientSettings, *, concurrency: int) -> AsyncIterator[WorkOf]:
        async with make_work(fetch, settings, concurrency=concurrency, recorder=recorder) as work_of:
            yield partial(noted_work, work_of, Flow(recorder, queue=""), recorder, None)

    return make
