"""The journal over HTTP: entries by filter, and what a test expects held against them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from aiohttp import web

from services.sites.admin.bounds import SITE, STREAM_BYTES, Busy, Pace, TooSlow, charged, encoded, stream
from services.sites.admin.entries import NAMES, WHOLES, Criteria, Entry, read_criteria
from services.sites.admin.expectations import Expectations, read_expectations
from services.sites.admin.responses import Unfit, answer, host_named, read_json
from services.sites.admin.verdict import Judge, work_bytes
from services.sites.faults.plan import Problem
from services.sites.journal import Journal
from services.sites.site import Site

MOST_ENTRIES = 1000
MOST_WAITING = 8
QUERY = tuple(name for name in NAMES if name != "fields")
NUMBERS = {"since": 0, "limit": 100}
DIGITS = 17  # as many as a number in a query may have
TRUTHS = {"true": True, "false": False}


class Query(NamedTuple):
    """Which entries are asked for: those that meet the criteria, after `since`, not more than `limit`."""

    criteria: Criteria
    since: int
    limit: int


class Turns:
    """A lock that knows how many wait for it."""

    def __init__(self) -> None:
        self.waiting = 0
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_error: object) -> None:
        self._lock.release()


TURNS = web.AppKey("TURNS", Turns)


async def entries(request: web.Request) -> web.StreamResponse:
    """Return the newest entries that meet every filter, oldest first, as a stream."""
    query = read_query(request.query)
    return await stream(request, written(request.app[SITE], query, Pace(request)))


async def written(site: Site, query: Query, pace: Pace) -> AsyncIterator[bytes]:
    """Give the answer in pieces, an entry each.

    While it is read, the journal goes on. Entries are found first, by number alone, and each is looked up when it is
    its turn: so a slow reader keeps none that the journal has dropped. Those are left out, as are entries that meet the
    filters no more. The counts come last, and are those of the end.
    """
    journal = site.journal
    clears, numbers = journal.clears, await newest(journal, query, pace)
    yield b'{"entries": ['
    separator = b""
    while numbers and journal.clears == clears:
        number = numbers.pop()
        exchange = journal.find(number)
        if exchange and query.criteria.meets(entry := Entry(number, exchange)):
            yield separator + encoded(entry.as_json())
            separator = b", "
        if pace.due:
            await pace.turn()
    yield b"], " + encoded(counts(site))[1:]


async def newest(journal: Journal, query: Query, pace: Pace) -> list[int]:
    """Return the numbers of the newest entries that meet the filters, the newest first."""
    numbers: list[int] = []
    for number, exchange in journal.newest_first():
        if number <= query.since or len(numbers) == query.limit:
            break
        if query.criteria.meets(Entry(number, exchange)):
            numbers.append(number)
        if pace.due:
            await pace.turn()
    return numbers


async def clear(request: web.Request) -> web.Response:
    """Begin the journal anew: of one host if the query names it, else all of it."""
    site = request.app[SITE]
    if unknown := request.query.keys() - {"host"}:
        reason = "is unknown: there is host, and without it everything is cleared"
        raise Unfit(422, "bad_query", [Problem(name[:40], reason) for name in sorted(unknown)])
    if "host" in request.query:
        site.journal.clear_host(host_named(site, request.query["host"]).name)
    else:
        site.journal.clear()
    return answer(counts(site))


async def verify(request: web.Request) -> web.Response:
    """Hold the journal against what is expected: 200 if it is so, 409 with the nearest misses if not.

    One such request is worked on at a time; some more wait for their turn, and the time for that is in their own.
    """
    turns, most_s = request.app[TURNS], request.app[SITE].settings.verify_timeout_s
    expectations = read_expectations(await read_json(request))
    if turns.waiting == MOST_WAITING:
        raise Busy
    try:
        async with asyncio.timeout(most_s), turns:
            return await verdict(request, expectations)
    except TimeoutError as error:
        reason = f"could not be held against the journal within {most_s:g} s: expect less at once, or name `since`"
        raise TooSlow(reason) from error


async def verdict(request: web.Request, expectations: Expectations) -> web.Response:
    """Return the answer to expectations. Raises Busy, PeerLeft."""
    site = request.app[SITE]
    kept = site.journal.kept()  # which drops what is beyond the bound, since it will not be seen
    dropped = site.journal.dropped

    def lost(criteria: Criteria) -> int:
        host = criteria.values.get("host")
        begun = kept.begun.get(host, 0) if isinstance(host, str) else 0
        return max(0, dropped - max(expectations.since, begun))

    pace = Pace(request)
    with charged(site, STREAM_BYTES + work_bytes(expectations, kept)):
        await pace.turn()  # a peer that has left while it waited for its turn is answered nothing
        judge = Judge(expectations, kept, lost=lost, pace=pace)
        failures = await judge.failures()
    found = {"verified": not failures, "considered": judge.considered, "dropped": dropped, "failures": failures}
    return answer(found, status=409 if failures else 200)


def counts(site: Site) -> dict[str, object]:
    """Return what the journal holds: kept + dropped = total."""
    journal = site.journal
    journal.trim()
    return {"total": journal.total, "kept": len(journal.entries), "dropped": journal.dropped}


def read_query(query: Mapping[str, str]) -> Query:
    """Return the filters, the entry after which to begin, and how many are wanted. Raises Unfit."""
    problems = [
        Problem(name[:40], "is there twice")
        for name, times in Counter(name for name, _ in query.items()).items()
        if times > 1
    ]
    numbers = dict(NUMBERS)
    wanted: dict[str, object] = {}
    for name, text in query.items():
        if name in numbers or name in WHOLES:
            if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
                problems.append(Problem(name, "is not a whole number"))
            elif name in numbers:
                numbers[name] = int(text)
            else:
                wanted[name] = int(text)
        elif name == "tls":
            wanted[name] = TRUTHS.get(text)
        elif name in QUERY:
            wanted[name] = text if text or name == "host" else None  # "" is the host of what nobody answers
        else:
            problems.append(Problem(name[:40], f"is unknown: there are {', '.join((*QUERY, *numbers))}"))
    if numbers["limit"] > MOST_ENTRIES:
        problems.append(Problem("limit", f"is more than {MOST_ENTRIES}"))
    criteria = read_criteria(wanted, "query", problems)
    if problems:
        raise Unfit(422, "bad_query", problems)
    return Query(criteria, numbers["since"], numbers["limit"])
