"""The journal over HTTP: entries by filter, and the verification of expectations."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic, time

from aiohttp import web

from services.sites.admin.bounds import SITE, STREAM_BYTES, Busy, TimeSlice, TooSlow, encoded, reserved, stream
from services.sites.admin.journal.entries import Criteria, Entry
from services.sites.admin.journal.expectations import Expectations, read_expectations
from services.sites.admin.journal.query import Query, read_query
from services.sites.admin.journal.verification import Verification, work_bytes
from services.sites.admin.responses import BadRequest, host_named, json_response, read_json
from services.sites.faults.plan import Problem
from services.sites.journal import Journal
from services.sites.site import Site

MAX_WAITING = 8


class CountingLock:
    """A lock that counts the tasks that wait for it."""

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


VERIFY_LOCK = web.AppKey("VERIFY_LOCK", CountingLock)


async def entries(request: web.Request) -> web.StreamResponse:
    """Return the newest entries that meet every filter, oldest first, as a stream."""
    query = read_query(request.query)
    return await stream(request, entry_pieces(request.app[SITE], query, TimeSlice(request)))


async def entry_pieces(site: Site, query: Query, time_slice: TimeSlice) -> AsyncIterator[bytes]:
    """Yield the answer in pieces, one for each entry.

    The journal changes while a client reads the answer. The numbers of the entries are found first, and each entry is
    looked up just before it is sent, so a slow client holds no entry that the journal has dropped. Such entries are
    left out, and so are entries that do not meet the filters any more. The counts come last: they are those of the end.
    """
    journal = site.journal
    clears, numbers = journal.clears, await newest(journal, query, time_slice)
    yield b'{"entries": ['
    separator = b""
    while numbers and journal.clears == clears:
        number = numbers.pop()
        exchange = journal.find(number)
        if exchange and query.criteria.meets(entry := Entry(number, exchange)):
            yield separator + encoded(entry.as_json())
            separator = b", "
        if time_slice.is_over:
            await time_slice.renew()
    clock = {"clock": {"monotonic_s": monotonic(), "unix_s": time()}}
    yield b"], " + encoded(counts(site) | clock)[1:]


async def newest(journal: Journal, query: Query, time_slice: TimeSlice) -> list[int]:
    """Return the numbers of the newest entries that meet the filters, the newest first."""
    numbers: list[int] = []
    for number, exchange in journal.newest_first():
        if number <= query.since or len(numbers) == query.limit:
            break
        if query.criteria.meets(Entry(number, exchange)):
            numbers.append(number)
        if time_slice.is_over:
            await time_slice.renew()
    return numbers


async def clear(request: web.Request) -> web.Response:
    """Clear the journal: of one host if the query names it, else all of it."""
    site = request.app[SITE]
    if unknown := request.query.keys() - {"host"}:
        reason = "is unknown: there is host, and without it everything is cleared"
        raise BadRequest(422, "bad_query", [Problem(name[:40], reason) for name in sorted(unknown)])
    if "host" in request.query:
        site.journal.clear_host(host_named(site, request.query["host"]).name)
    else:
        site.journal.clear()
    return json_response(counts(site))


async def verify(request: web.Request) -> web.Response:
    """Compare the journal with expectations: 200 if all of them are met, 409 with the nearest misses if not.

    One such request is worked on at a time. A few more wait for it, and their timeout includes that wait.
    """
    lock, most_s = request.app[VERIFY_LOCK], request.app[SITE].settings.verify_timeout_s
    expectations = read_expectations(await read_json(request))
    if lock.waiting == MAX_WAITING:
        raise Busy
    try:
        async with asyncio.timeout(most_s), lock:
            return await verification_response(request, expectations)
    except TimeoutError as error:
        reason = f"could not be held against the journal within {most_s:g} s: expect less at once, or name `since`"
        raise TooSlow(reason) from error


async def verification_response(request: web.Request, expectations: Expectations) -> web.Response:
    """Return the answer to expectations. Raises Busy, PeerLeft."""
    site = request.app[SITE]
    snapshot = site.journal.kept()  # this drops the entries beyond the bound first
    dropped = site.journal.dropped

    def dropped_for(criteria: Criteria) -> int:
        host = criteria.values.get("host")
        cleared = snapshot.begun.get(host, 0) if isinstance(host, str) else 0
        return max(0, dropped - max(expectations.since, cleared))

    time_slice = TimeSlice(request)
    with reserved(site, STREAM_BYTES + work_bytes(expectations, snapshot)):
        await time_slice.renew()  # nothing is done for a peer that left while it waited
        verification = Verification(expectations, snapshot, dropped=dropped_for, time_slice=time_slice)
        failures = await verification.failures()
    considered = verification.considered
    found = {"verified": not failures, "considered": considered, "dropped": dropped, "failures": failures}
    return json_response(found, status=409 if failures else 200)


def counts(site: Site) -> dict[str, object]:
    """Return the counts of the journal: kept + dropped = total."""
    journal = site.journal
    journal.trim()
    return {"total": journal.total, "kept": len(journal.entries), "dropped": journal.dropped}
