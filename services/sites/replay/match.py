"""A match: which requests a response is for, as a sidecar's `[match]` and the admin API's `match` say it.

    method = "POST"             # exactly this one: HEAD is not GET
    path = "/v1/*"              # of the target, as it was sent; `*` stands for any characters, `/` among them
    query = { page = "2" }      # exact values, once percent-encoding and `+` are decoded
    field = { Accept = "*/*" }  # exact values of request fields; their names have no case

Everything that is given must agree, and a match without anything is for every request. Peers choose what is compared,
so the comparison takes time in proportion to a path, whatever the pattern is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from services.runtime.http import TOKEN_CHARACTERS
from services.runtime.playable import read_fields
from services.sites.faults.parameters import quoted
from services.sites.faults.plan import Problem
from services.sites.http.request import ABSOLUTE, Request

MAX_STARS = 32
MAX_VALUES = 32  # of a query, and of fields
MATCH_BYTES = 1024  # of the objects that hold one
METHOD_PATTERN = rf"[{TOKEN_CHARACTERS}]{{1,32}}"
PATH_PATTERN = r"[/*][!-\"$->@-~\x80-\xff]{0,2047}"  # no space, no `?`, no `#`
FIELD_NAME_PATTERN = rf"[{TOKEN_CHARACTERS}]{{1,256}}"
FIELD_VALUE_PATTERN = r"[\t\x20-\x7e\x80-\xff]{0,2048}"
QUERY_PATTERN = r"[^\ud800-\udfff]{0,2048}"
METHOD, PATH, FIELD_NAME, FIELD_VALUE, QUERY = map(
    re.compile, (METHOD_PATTERN, PATH_PATTERN, FIELD_NAME_PATTERN, FIELD_VALUE_PATTERN, QUERY_PATTERN)
)

KEYS = ("method", "path", "query", "field")

Pairs = tuple[tuple[str, str], ...]


class MatchedRequest:
    """What a match compares of a request; each part is read when the first match needs it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.method = request.method.decode("ascii")
        target = request.target
        if absolute := ABSOLUTE.match(target):
            target = target[absolute.end() :]
        path, _mark, self._query = target.partition("?")
        self.path = path or "/"

    @cached_property
    def query(self) -> frozenset[tuple[str, str]]:
        """The names and values of its query."""
        return frozenset(parse_qsl(self._query, keep_blank_values=True, errors="replace"))

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Its fields, by lower-case name."""
        return read_fields(self._request.head)


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a response is for. Two that are equal are for the same requests.

    `path`: what is between its stars, so that `/a*b` is ("/a", "b"); empty for any path. `query` and `fields`: names
    with values, in order; names of fields are lower case.
    """

    method: str | None = None
    path: tuple[str, ...] = ()
    query: Pairs = ()
    fields: Pairs = ()

    def meets(self, request: MatchedRequest) -> bool:
        """Return whether a response with this match is for the request."""
        return (
            (self.method is None or self.method == request.method)
            and (not self.path or is_like(request.path, self.path))
            and (not self.query or request.query.issuperset(self.query))
            and all(request.fields.get(name) == value for name, value in self.fields)
        )

    @property
    def specificity(self) -> tuple[bool, int, int, bool]:
        """How special a match is: the greater comes first.

        A path without a star comes before one with a star, and then the one with more characters; then the match with
        more values of query and fields; then the one with a method.
        """
        characters = sum(map(len, self.path))
        return len(self.path) == 1, characters, len(self.query) + len(self.fields), self.method is not None

    @property
    def held_bytes(self) -> int:
        """Its size in memory."""
        pairs = sum(len(name) + len(value) + 256 for name, value in self.query + self.fields)
        return MATCH_BYTES + sum(len(piece) + 64 for piece in self.path) + 4 * pairs

    def as_json(self) -> dict[str, object]:
        """Return the match as `read_match` takes it."""
        given: dict[str, object] = {} if self.method is None else {"method": self.method}
        if self.path:
            given["path"] = "*".join(self.path)
        if self.query:
            given["query"] = dict(self.query)
        if self.fields:
            given["field"] = dict(self.fields)
        return given


EVERY_REQUEST = Match()


def is_like(path: str, pieces: tuple[str, ...]) -> bool:
    """Return whether a path has these pieces: the first at its begin, the last at its end, and the others between.

    Each piece is looked for once, from where the one before ends: a star takes as little as it can, which finds a way
    wherever there is one.
    """
    if len(pieces) == 1:
        return path == pieces[0]
    first, *middle, last = pieces
    at, end = len(first), len(path) - len(last)
    if end < at or not path.startswith(first) or not path.endswith(last):
        return False
    for piece in middle:
        found = path.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def read_match(data: object, where: str, problems: list[Problem]) -> Match:
    """Return the match in `data`, which comes from JSON or TOML, and add its problems to `problems`."""
    if not isinstance(data, dict):
        problems.append(Problem(where, "is not a table of method, path, query and field"))
        return EVERY_REQUEST
    problems += [
        Problem(f"{where}.{name[:40]}", f"is unknown: there are {', '.join(KEYS)}")
        for name in sorted(data.keys() - {*KEYS})
    ]
    return Match(
        read_method(data.get("method"), f"{where}.method", problems),
        read_path(data.get("path"), f"{where}.path", problems),
        read_query(data.get("query", {}), f"{where}.query", problems),
        read_named_fields(data.get("field", {}), f"{where}.field", problems),
    )


def read_method(data: object, where: str, problems: list[Problem]) -> str | None:
    """Return a method; None for any."""
    if data is None or (isinstance(data, str) and METHOD.fullmatch(data)):
        return data
    problems.append(Problem(where, f"{quoted(data)} is not a method"))
    return None


def read_path(data: object, where: str, problems: list[Problem]) -> tuple[str, ...]:
    """Return the pieces of a path's pattern, none for any path."""
    if data is None:
        return ()
    if not isinstance(data, str) or not PATH.fullmatch(data):
        reason = f"{quoted(data)} is not a path: it begins with / or *, and has no space, ? or #"
        problems.append(Problem(where, reason))
        return ()
    pieces = tuple(re.sub(r"\*+", "*", data).split("*"))
    if len(pieces) > MAX_STARS + 1:
        problems.append(Problem(where, f"has more than {MAX_STARS} stars"))
        return ()
    return () if pieces == ("", "") else pieces


def read_query(data: object, where: str, problems: list[Problem]) -> Pairs:
    """Return the names and values of a query."""
    return read_pairs(data, where, problems, name=QUERY, value=QUERY)


def read_named_fields(data: object, where: str, problems: list[Problem]) -> Pairs:
    """Return the names, in lower case, and values of request fields."""
    pairs = [
        (name.lower(), value) for name, value in read_pairs(data, where, problems, name=FIELD_NAME, value=FIELD_VALUE)
    ]
    if len(dict(pairs)) < len(pairs):
        problems.append(Problem(where, "has a name twice: names of fields have no case"))
    return tuple(sorted(pairs))


def read_pairs(
    data: object, where: str, problems: list[Problem], *, name: re.Pattern[str], value: re.Pattern[str]
) -> Pairs:
    """Return names and values, in order."""
    if not isinstance(data, dict) or len(data) > MAX_VALUES:
        problems.append(Problem(where, f"is not a table of at most {MAX_VALUES} names with text"))
        return ()
    for key, text in data.items():
        if not (isinstance(text, str) and name.fullmatch(key) and value.fullmatch(text)):
            problems.append(Problem(f"{where}.{key[:40]}", f"{quoted(text)} is not a value that it can have"))
            return ()
    return tuple(sorted(data.items()))
