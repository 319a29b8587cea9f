"""Which requests a recording is for, made from the request that it answered: its sidecar's `[match]`, and its name.

    method = "GET"
    path = "/v1/users"
    query = { page = "2" }

A request matches if it has all of this, so a value that changes from one request to the next must not be in it, nor may
a credential be: both are left out, and a path has `*` in their place. The name of the file is made from the path. Two
matches that differ have names that differ, also where the file system knows no case.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl

from services.client.record.provenance import Value
from services.client.record.secrets import in_urls

INDEX = "index"  # the name of the path /
MAX_NAME = 60  # characters of a path in a file's name
DIGEST_DIGITS = 20
MAX_PATH = 2048
MAX_STARS = 32
MAX_VALUES = 32
MAX_VALUE = 2048  # characters of a name, and of a value, of a query

METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")
PLAIN_PATH = re.compile(r"(?:/[a-z0-9][a-z0-9.-]*)+")
NOT_OF_A_NAME = re.compile(r"[^a-z0-9.]+")
LEFT_OUT = 0  # a byte that no target has


class Unmatchable(ValueError):
    """No match can be made for a request; the text is the reason."""


@dataclass(frozen=True, slots=True)
class RequestMatch:
    """A method, a path with `*` for any characters, and names and values of a query, in order."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether it is the page that a host is opened with."""
        return (self.method, self.path, self.query) == ("GET", "/", ())

    @property
    def table(self) -> dict[str, Value]:
        """The table `[match]`."""
        table: dict[str, Value] = {"method": self.method, "path": self.path}
        if self.query:
            table["query"] = dict(self.query)
        return table

    @property
    def name(self) -> str:
        """The name of the file: the path, and a digest of the match where the path alone does not tell it.

        `__` begins what is not the path: no plain path has two slashes together.
        """
        if self.is_root:
            return INDEX
        stem = self.path[1:].replace("/", "_")
        is_plain = (self.method, self.query) == ("GET", ()) and PLAIN_PATH.fullmatch(self.path)
        if is_plain and len(stem) <= MAX_NAME and stem != INDEX:
            return stem
        words = [self.path] if self.method == "GET" else [self.method, self.path]
        parts = [NOT_OF_A_NAME.sub("-", part) for word in words for part in word.lower().split("/")]
        readable = "_".join(part.strip("-.") for part in parts if part.strip("-."))[:MAX_NAME]
        digest = sha256(repr((self.method, self.path, self.query)).encode()).hexdigest()[:DIGEST_DIGITS]
        return f"{readable or INDEX}__{digest}"


def match_of(method: str, target: str, *, keep_secrets: bool) -> RequestMatch:
    """Return the match for a request with this target, in ASCII. Raises Unmatchable.

    Of a name that a query has several times, the first value counts: a table has one.
    """
    if not METHOD.fullmatch(method):
        raise Unmatchable(f"{method[:40]!r} is not a method in capitals")
    path, _mark, query = (target if keep_secrets else without_secrets(target)).partition("?")
    path = re.sub(r"[\0*]+", "*", path)
    if len(path) > MAX_PATH:
        raise Unmatchable(f"its path has more than {MAX_PATH:,} characters")
    if path.count("*") > MAX_STARS:
        raise Unmatchable(f"its path has more than {MAX_STARS} stars")
    return RequestMatch(method, path, values_of(query))


def without_secrets(target: str) -> str:
    """Return a target with NUL in place of each byte of a credential."""
    left = bytearray(target.encode("ascii"))
    for start, end in in_urls(bytes(left)):
        left[start:end] = bytes([LEFT_OUT]) * (end - start)
    return left.decode("ascii")


def values_of(query: str) -> tuple[tuple[str, str], ...]:
    """Return names and values of a query, decoded as a site decodes them, without those that hold a credential."""
    harmless = "&".join(part for part in query.split("&") if "\0" not in part)
    values: dict[str, str] = {}
    for name, value in parse_qsl(harmless, keep_blank_values=True, errors="replace"):
        if len(values) < MAX_VALUES and max(len(name), len(value)) <= MAX_VALUE:
            values.setdefault(name, value)
    return tuple(sorted(values.items()))
