"""The journal over HTTP: entries by filter, and what a test expects held against them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from services.sites.admin.answers import SITE, Unfit, answer, host_named, read_json
from services.sites.admin.criteria import NAMES, WHOLES, Criteria, Entry, read_criteria
from services.sites.admin.verify import read_expectations
from services.sites.faults.plan import Problem
from services.sites.site import Site

MOST_ENTRIES = 1000
BATCH = 500  # entries that are looked at before the loop gets its turn
QUERY = tuple(name for name in NAMES if name != "fields")
NUMBERS = {"since": 0, "limit": 100}
DIGITS = 17  # as many as a number in a query may have
TRUTHS = {"true": True, "false": False}


async def entries(request: web.Request) -> web.Response:
    """Return the newest entries that meet every filter, oldest first."""
    site = request.app[SITE]
    criteria, since, limit = read_query(request.query)
    found: list[Entry] = []
    async for entry in newest_first(site):
        if entry.number <= since or len(found) == limit:
            break
        if not criteria.misses(entry):
            found.append(entry)
    return answer({**counts(site), "entries": [entry.as_json() for entry in reversed(found)]})


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
    """Hold the journal against what is expected: 200 if it is so, 409 with the nearest misses if not."""
    site = request.app[SITE]
    expectations = read_expectations(await read_json(request))
    site.journal.trim()  # what is beyond the bound now counts as dropped, since it will not be seen
    dropped = site.journal.dropped
    seen = [entry async for entry in newest_first(site) if entry.number > expectations.since]
    seen.reverse()

    def lost(criteria: Criteria) -> int:
        begun = site.journal.begun(criteria.values.get("host"))
        return max(0, dropped - max(expectations.since, begun))

    failures = [failure async for failure in expectations.failures(seen, lost=lost)]
    verdict = {"verified": not failures, "considered": len(seen), "dropped": dropped, "failures": failures}
    return answer(verdict, status=409 if failures else 200)


async def newest_first(site: Site) -> AsyncIterator[Entry]:
    """Give the entries as they are now, and the loop its turn between batches."""
    for index, (number, exchange) in enumerate(site.journal.newest_first()):
        yield Entry(number, exchange)
        if index % BATCH == BATCH - 1:
            await asyncio.sleep(0)


def counts(site: Site) -> dict[str, object]:
    """Return what the journal holds: kept + dropped = total."""
    journal = site.journal
    journal.trim()
    return {"total": journal.total, "kept": len(journal.entries), "dropped": journal.dropped}


def read_query(query: Mapping[str, str]) -> tuple[Criteria, int, int]:
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
    return criteria, numbers["since"], numbers["limit"]
