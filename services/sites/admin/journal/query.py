"""The queries of the admin API. `FILTERS` declares every filter of GET /journal once: its reader and its schema."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from aiohttp import web

from services.runtime.untrusted import parse_json
from services.sites.admin.journal.entries import Criteria, read_criteria
from services.sites.admin.responses import BadRequest
from services.sites.admin.shapes import ASCII, TEXT, UTF8, WHOLE, Schema, one_of
from services.sites.faults.catalog import FAULTS
from services.sites.faults.plan import Problem
from services.sites.journal import ENDS

MAX_ENTRIES = 1000
NUMBERS = {"since": 0, "limit": 100}
"""The numbers that are no criteria, with their defaults."""
DIGITS = 17  # of a number in a query, at most
WHOLE_IN_QUERY: Schema = {**WHOLE, "maximum": 10**DIGITS - 1}
WHOLE_OR_EMPTY: Schema = {"anyOf": [WHOLE_IN_QUERY, {"const": ""}], "description": "empty: none"}
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: `read` returns the criterion in a text, or raises ValueError with the reason; `schema` describes it."""

    schema: Schema
    read: Callable[[str], object]


def is_digits(text: str) -> bool:
    """Return whether a text is a whole number as a query may have it."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def read_whole(text: str) -> int:
    """Return a whole number. Raises ValueError."""
    if not is_digits(text):
        raise ValueError("is not a whole number")
    return int(text)


def read_whole_or_none(text: str) -> int | None:
    """Return a whole number; an empty text is the value of an entry that has no such thing. Raises ValueError."""
    return read_whole(text) if text else None


def read_fields(text: str) -> object:
    """Return the request fields in JSON, names with text or null. Raises ValueError."""
    try:
        return parse_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not a JSON object of names with text, or null for none") from error


def text_or_none(text: str) -> str | None:
    """Return a text; an empty one is the value of an entry that has no such thing."""
    return text or None


FILTERS: Mapping[str, Filter] = MappingProxyType(
    {
        "host": Filter(TEXT, str),  # an empty one is the host of an entry that no host answered
        "method": Filter(TEXT, text_or_none),
        "target": Filter(TEXT, text_or_none),
        "peer": Filter(TEXT, text_or_none),
        "fault": Filter(one_of([*FAULTS, ""]), text_or_none),
        "ended": Filter(one_of([*ENDS, ""]), text_or_none),
        "head_contains": Filter(ASCII, text_or_none),
        "body_contains": Filter(UTF8, text_or_none),
        "body_bytes": Filter(WHOLE_OR_EMPTY, read_whole_or_none),
        "body_sha256": Filter(TEXT, text_or_none),
        "connection": Filter(WHOLE_OR_EMPTY, read_whole_or_none),
        "exchange": Filter(WHOLE_OR_EMPTY, read_whole_or_none),
        "status": Filter(WHOLE_OR_EMPTY, read_whole_or_none),
        "response": Filter(TEXT, text_or_none),
        "generation": Filter(WHOLE_OR_EMPTY, read_whole_or_none),
        "fields": Filter(
            {
                **TEXT,
                "minLength": 2,
                "contentMediaType": "application/json",
                "description": "request fields: names with text, or null",
            },
            read_fields,
        ),
        "tls": Filter(one_of(TRUTHS), TRUTHS.get),
        "since": Filter(
            {**WHOLE_IN_QUERY, "default": NUMBERS["since"], "description": "only entries after this one"},
            read_whole,
        ),
        "limit": Filter({**WHOLE, "maximum": MAX_ENTRIES, "default": NUMBERS["limit"]}, read_whole),
    }
)


class Query(NamedTuple):
    """The entries to show: those that meet the criteria, after `since`, and the newest `limit` of them."""

    criteria: Criteria
    since: int
    limit: int


def read_query(query: Mapping[str, str]) -> Query:
    """Return the query of GET /journal. Raises BadRequest."""
    problems = [
        Problem(name[:40], "is there twice")
        for name, times in Counter(name for name, _ in query.items()).items()
        if times > 1
    ]
    values: dict[str, object] = {}
    numbers = dict(NUMBERS)
    for name, text in query.items():
        if name not in FILTERS:
            problems.append(Problem(name[:40], f"is unknown: there are {', '.join(FILTERS)}"))
            continue
        try:
            value = FILTERS[name].read(text)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
            continue
        if name in numbers and isinstance(value, int):
            numbers[name] = value
        else:
            values[name] = value
    if numbers["limit"] > MAX_ENTRIES:
        problems.append(Problem("limit", f"is more than {MAX_ENTRIES}"))
    criteria = read_criteria(values, "query", problems)
    if problems:
        raise BadRequest(422, "bad_query", problems)
    return Query(criteria, numbers["since"], numbers["limit"])


def read_single(request: web.Request, name: str, *, least: int, most: int) -> int:
    """Return the number of a query that has this name and no other. Raises BadRequest for any other query."""
    text = request.query.get(name, "")
    alone = list(request.query.items()) == [(name, text)]
    if alone and is_digits(text) and least <= int(text) <= most:
        return int(text)
    reason = f"a query is {name}=N, N a whole number from {least} to {most:,}"
    raise BadRequest(422, "bad_query", [Problem(name, reason)])
