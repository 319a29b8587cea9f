"""Entries of the journal, and the criteria that they are compared with. A criterion has the name of the entry's value.

`CRITERIA` declares every criterion once: `read_criteria` checks a request with it, and `schemas` publishes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.runtime.playable import read_fields
from services.sites.admin.shapes import (
    ASCII_OR_NULL,
    BOOLEAN,
    TEXT_OR_NULL,
    TEXTS_BY_NAME,
    UTF8_OR_NULL,
    WHOLE_OR_NULL,
    Shape,
    choice_or_null,
)
from services.sites.faults.catalog import FAULTS
from services.sites.faults.plan import Problem
from services.sites.journal import ENDS, Exchange

SHOWN_CHARACTERS = 200
SHOWN_MISSES = 20


class Entry:
    """An exchange with its number in the journal. `values`: by the names of criteria, read once for all criteria."""

    __slots__ = ("_fields", "exchange", "number", "values")

    def __init__(self, number: int, exchange: Exchange) -> None:
        self.number, self.exchange = number, exchange
        line = exchange.head.partition(b"\n")[0].decode("latin-1").rstrip("\r").split(" ", 2)
        connection = exchange.connection
        self.values: Mapping[str, object] = {
            "host": exchange.host,
            "method": line[0] or None,
            "target": line[1] if len(line) > 1 else None,
            "peer": connection.peer,
            "fault": exchange.fault or None,
            "ended": exchange.ended,
            "connection": connection.number,
            "exchange": exchange.number,
            "status": exchange.status or None,
            "response": exchange.response or None,
            "generation": exchange.generation or None,
            "tls": connection.secure,
            "body_bytes": exchange.body.size if exchange.body else 0,
            "body_sha256": exchange.body.sha256.hex() if exchange.body else None,
        }
        self._fields: Mapping[str, str] | None = None

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of the request."""
        if self._fields is None:
            self._fields = read_fields(self.exchange.head)
        return self._fields

    @property
    def body_start(self) -> bytes:
        """What is kept of the request's body."""
        return self.exchange.body.start if self.exchange.body else b""

    @property
    def kept_of_body(self) -> str:
        """What is kept of the request's body, for a person."""
        body = self.exchange.body
        return f"its first {len(body.start):,} bytes" if body and body.size > len(body.start) else "it"

    def as_json(self) -> dict[str, object]:
        """Return the entry as the API shows it. The head is in Latin-1, which keeps every byte."""
        exchange, values = self.exchange, self.values
        return {
            "entry": self.number,
            **{name: values[name] for name in ("connection", "exchange", "peer", "tls", "host", "method", "target")},
            "request_head": exchange.head.decode("latin-1"),
            "body_bytes": values["body_bytes"],
            "body_sha256": values["body_sha256"],
            "status": exchange.status or None,
            "response": exchange.response or None,
            "recording_sha256": exchange.sha256 or None,
            "fault": exchange.fault or None,
            "generation": exchange.generation or None,
            "sent_bytes": exchange.sent_bytes,
            "ended": exchange.ended,
            "accepted_s": exchange.connection.accepted_s,
            "received_s": exchange.received_s,
            "ended_s": exchange.ended_s if exchange.ended else None,
        }


@dataclass(frozen=True, slots=True)
class Criteria:
    """`values` are compared; `fields` are request fields by lower-case name, None for a field that must be absent.

    `body_contains` is looked for in the beginning of a body, which is what the journal keeps.
    """

    values: Mapping[str, object]
    fields: Mapping[str, str | None]
    head_contains: bytes | None
    body_contains: bytes | None

    def meets(self, entry: Entry) -> bool:
        """Return whether an entry meets all criteria. Most entries do not: it stops at the first criterion not met."""
        has = entry.values
        for name, wanted in self.values.items():
            if has[name] != wanted:
                return False
        if self.fields:
            had = entry.fields
            for name, wanted in self.fields.items():
                if had.get(name) != wanted:
                    return False
        return not (self._lacks_in_head(entry) or self._lacks_in_body(entry))

    def _lacks_in_head(self, entry: Entry) -> bool:
        return self.head_contains is not None and self.head_contains not in entry.exchange.head

    def _lacks_in_body(self, entry: Entry) -> bool:
        return self.body_contains is not None and self.body_contains not in entry.body_start

    def missed(self, entry: Entry) -> int:
        """Return how many criteria an entry does not meet."""
        count = sum(entry.values[name] != wanted for name, wanted in self.values.items())
        if self.fields:
            had = entry.fields
            count += sum(had.get(name) != wanted for name, wanted in self.fields.items())
        return count + self._lacks_in_head(entry) + self._lacks_in_body(entry)

    def misses(self, entry: Entry) -> list[str]:
        """Return the criteria that an entry does not meet, each with what the entry has instead, for a person."""
        found = [
            f"{name}: {brief(entry.values[name])} is not {brief(wanted)}"
            for name, wanted in self.values.items()
            if entry.values[name] != wanted
        ]
        if self.fields:
            had = entry.fields
            found += [
                f"fields.{name[:SHOWN_CHARACTERS]}: {brief(had.get(name))} is not {brief(wanted)}"
                for name, wanted in self.fields.items()
                if had.get(name) != wanted
            ]
        if self._lacks_in_head(entry):
            found.append("head_contains: it does not")
        if self._lacks_in_body(entry):
            found.append(f"body_contains: is not in {entry.kept_of_body}")
        more = len(found) - SHOWN_MISSES
        return found if more <= 0 else [*found[:SHOWN_MISSES], f"and {more:,} more"]


def brief(value: object) -> str:
    """Return a value as a miss shows it: a few lines at most."""
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return f"{value[:SHOWN_CHARACTERS]!r}… ({len(value):,} characters)"
    return repr(value)


NO_CRITERIA = Criteria({}, {}, None, None)
CRITERIA: Mapping[str, Shape] = MappingProxyType(
    {
        "host": TEXT_OR_NULL,
        "method": TEXT_OR_NULL,
        "target": TEXT_OR_NULL,
        "peer": TEXT_OR_NULL,
        "fault": choice_or_null(FAULTS),
        "ended": choice_or_null(ENDS),
        "head_contains": ASCII_OR_NULL,
        "body_contains": UTF8_OR_NULL,
        "body_bytes": WHOLE_OR_NULL,
        "body_sha256": TEXT_OR_NULL,
        "connection": WHOLE_OR_NULL,
        "exchange": WHOLE_OR_NULL,
        "status": WHOLE_OR_NULL,
        "response": TEXT_OR_NULL,
        "generation": WHOLE_OR_NULL,
        "tls": BOOLEAN,
        "fields": TEXTS_BY_NAME,
    }
)
"""Every criterion by its name. Null is the value of an entry that has no such thing."""


def read_criteria(data: object, where: str, problems: list[Problem]) -> Criteria:
    """Return the criteria in `data`, and add their problems to `problems`. Names of hosts have no case."""
    if not isinstance(data, dict):
        problems.append(Problem(where, "is not an object of criteria"))
        return NO_CRITERIA
    found = []
    for name, value in data.items():
        shape = CRITERIA.get(name)
        if shape is None:
            found.append(Problem(f"{where}.{name[:40]}", f"is unknown: there are {', '.join(CRITERIA)}"))
        elif reason := shape.problem(value):
            found.append(Problem(f"{where}.{name}", reason))
    if found:
        problems += found
        return NO_CRITERIA
    values = dict(data)
    fields = values.pop("fields", {})
    head_contains, body_contains = values.pop("head_contains", None), values.pop("body_contains", None)
    if isinstance(host := values.get("host"), str):
        values["host"] = host.lower()
    return Criteria(
        values,
        {name.lower(): value for name, value in fields.items()},
        None if head_contains is None else head_contains.encode("ascii"),
        None if body_contains is None else body_contains.encode(),
    )
