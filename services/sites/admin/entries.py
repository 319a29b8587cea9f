"""What an entry of the journal is held against: the same names as the entry's own, all of which must agree."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.playable import read_fields
from services.sites.faults.catalog import FAULTS
from services.sites.faults.plan import Problem
from services.sites.journal import ENDS, Exchange

TEXTS = ("host", "method", "target", "peer", "fault", "ended", "head_contains")
WHOLES = ("connection", "exchange", "status", "generation")
NAMES = (*TEXTS, *WHOLES, "tls", "fields")
SHOWN_CHARACTERS = 200
SHOWN_MISSES = 20
CHOICES = {"ended": ENDS, "fault": tuple(FAULTS)}


class Entry:
    """An exchange with its number in the journal; `values` by the names of criteria, read once for all of them."""

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
            "generation": exchange.generation or None,
            "tls": connection.secure,
        }
        self._fields: Mapping[str, str] | None = None

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of the request."""
        if self._fields is None:
            self._fields = read_fields(self.exchange.head)
        return self._fields

    def as_json(self) -> dict[str, object]:
        """Return the entry; bytes of the head are shown as Latin-1, which loses none."""
        exchange, values = self.exchange, self.values
        return {
            "entry": self.number,
            **{name: values[name] for name in ("connection", "exchange", "peer", "tls", "host", "method", "target")},
            "request_head": exchange.head.decode("latin-1"),
            "status": exchange.status or None,
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
    """`values` are compared; `fields` are request fields by lower-case name, None for one that must not be there."""

    values: Mapping[str, object]
    fields: Mapping[str, str | None]
    head_contains: bytes | None

    def meets(self, entry: Entry) -> bool:
        """Return whether an entry meets all of them; most do not, and the first that it does not meet is enough."""
        has = entry.values
        for name, wanted in self.values.items():
            if has[name] != wanted:
                return False
        if self.fields:
            had = entry.fields
            for name, wanted in self.fields.items():
                if had.get(name) != wanted:
                    return False
        return self.head_contains is None or self.head_contains in entry.exchange.head

    def missed(self, entry: Entry) -> int:
        """Return how many of them an entry does not meet."""
        count = sum(entry.values[name] != wanted for name, wanted in self.values.items())
        if self.fields:
            had = entry.fields
            count += sum(had.get(name) != wanted for name, wanted in self.fields.items())
        return count + (self.head_contains is not None and self.head_contains not in entry.exchange.head)

    def misses(self, entry: Entry) -> list[str]:
        """Return which of them an entry does not meet, each with what it has instead, for a person."""
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
        if self.head_contains is not None and self.head_contains not in entry.exchange.head:
            found.append("head_contains: it does not")
        more = len(found) - SHOWN_MISSES
        return found if more <= 0 else [*found[:SHOWN_MISSES], f"and {more:,} more"]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values) + len(self.fields) + (self.head_contains is not None)


def brief(value: object) -> str:
    """Return a value as it is shown in a miss: not more of it than fits in a few lines."""
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return f"{value[:SHOWN_CHARACTERS]!r}… ({len(value):,} characters)"
    return repr(value)


NO_CRITERIA = Criteria({}, {}, None)


def read_criteria(data: object, where: str, problems: list[Problem]) -> Criteria:
    """Return the criteria that `data` is; what is wrong goes into `problems`. Names of hosts have no case."""
    if not isinstance(data, dict):
        problems.append(Problem(where, "is not an object of criteria"))
        return NO_CRITERIA
    values: dict[str, object] = {}
    for name, value in data.items():
        if name not in NAMES:
            problems.append(Problem(f"{where}.{str(name)[:40]}", f"is unknown: there are {', '.join(NAMES)}"))
        elif name not in {"fields", "head_contains"}:
            if reason := misfit(name, value):
                problems.append(Problem(f"{where}.{name}", reason))
            values[name] = value.lower() if name == "host" and isinstance(value, str) else value
    contains = data.get("head_contains")
    if contains is not None and not (isinstance(contains, str) and contains.isascii()):
        problems.append(Problem(f"{where}.head_contains", "is not ASCII text"))
        contains = None
    wanted = read_wanted(data.get("fields", {}), where, problems)
    return Criteria(values, wanted, None if contains is None else contains.encode("ascii"))


def read_wanted(data: object, where: str, problems: list[Problem]) -> dict[str, str | None]:
    """Return the request fields that are asked for."""
    if not isinstance(data, dict) or not all(isinstance(value, str | None) for value in data.values()):
        problems.append(Problem(f"{where}.fields", "is not an object of names with text, or null for none"))
        return {}
    return {name.lower(): value for name, value in data.items()}


def misfit(name: str, value: object) -> str:
    """Return why a value can never be met; nothing if it can."""
    if name == "tls":
        return "" if isinstance(value, bool) else "is not true or false"
    if value is None:
        return ""
    if name in WHOLES:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "is not a whole number"
    if not isinstance(value, str):
        return "is not text"
    if name in CHOICES and value not in CHOICES[name]:
        return f"is not one of {', '.join(CHOICES[name])}"
    return ""
