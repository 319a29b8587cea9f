"""What a consumer does with an item: it replies to a number, or fetches the head of a target as the survey does.

async with make_work(fetch, settings, concurrency=8) as work_of:
    work = work_of()            # once for each consumer: a fetch has a deadline of its own
    result = await work(item)
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.client.errors import FetchError
from services.client.pipeline.edition import WorkOf
from services.client.pipeline.stages import Item, Result, Work, reply_to
from services.client.settings import ClientSettings
from services.client.survey.deadlines import Deadline, DeadlineSweeper
from services.client.survey.fetch.fetcher import Fetcher, make_fetcher
from services.client.survey.options import Options as FetchOptions
from services.client.survey.results.record import Record, json_line
from services.client.survey.targets import Target
from services.client.survey.transport.epoll import Poller

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder


@asynccontextmanager
async def make_work(
    fetch: FetchOptions | None, settings: ClientSettings, *, concurrency: int, recorder: "Recorder | None" = None
) -> AsyncIterator[WorkOf]:
    """Yield what gives each consumer its work. Raises ProgramError for options that cannot be met.

    Arguments:
        fetch: how targets are fetched; None where the items are numbers.
        settings: where names are reached.
        concurrency: how many consumers there are at most.
        recorder: where phases and retries of fetches are recorded, by the tasks that fetch.
    """
    if fetch is None:
        yield lambda: reply_to_number
        return
    with Poller() as poller, DeadlineSweeper() as sweeper:
        fetcher = make_fetcher(fetch, settings, poller=poller, concurrency=concurrency, recorder=recorder)
        yield lambda: fetching(fetcher, sweeper.deadline(), with_record=fetch.format == "jsonl")


async def reply_to_number(item: Item) -> Result:
    """Return the tutorial's reply."""
    return reply_to(item)


def fetching(fetcher: Fetcher, deadline: Deadline, *, with_record: bool) -> Work:
    """Return the work of a consumer that fetches targets. `with_record`: whether their records are wanted."""

    async def fetch(item: Item) -> Result:
        target = Target(item.line, item.text, item.problem or None)
        url = fetcher.url_of(target)
        if isinstance(url, FetchError):
            record = fetcher.unfetched(target, url)
        else:
            record = await fetcher.record(target, url, deadline)
        return Result(
            item.id, reply_of(record), record.head is not None, item.text, json_line(record) if with_record else b""
        )

    return fetch


def reply_of(record: Record) -> str:
    """Return a status and its reason phrase (RFC 9112, section 4) or, where no head came, the error."""
    if record.head is None:
        return record.error or ""
    return f"{record.head.status} {record.head.reason.decode('latin-1')}".rstrip()
