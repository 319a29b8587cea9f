"""What an entry of the journal is held against: the same names as the entry's own, all of which must agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.sites.faults.kinds import FAULTS
from services.sites.faults.plan import Problem
from services.sites.journal import ENDS, Exchange
from services.sites.recording import read_fields

TEXTS = ("host", "method", "target", "peer", "fault", "ended", "head_contains")
WHOLES = ("connection", "exchange", "status", "generation")
NAMES = (*TEXTS, *WHOLES, "tls", "fields")
CHOICES = {"ended": ENDS, "fault": tuple(FAULTS)}


class Entry(NamedTuple):
    """An exchange with its number in the journal."""

    number: int
    exchange: Exchange

    @property
    def request_line(self) -> list[str]:
        """The method, target and version, as far as they came."""
        return self.exchange.head.partition(b"\n")[0].decode("latin-1").rstrip("\r").split(" ", 2)

    def value(self, name: str) -> object:
        """Return what the entry has under a criterion's name."""
        exchange, line = self.exchange, self.request_line
        match name:
            case "method":
                return line[0] or None
            case "target":
                return line[1] if len(line) > 1 else None
            case "peer":
                return exchange.visit.peer
            case "connection":
                return exchange.visit.number
            case "exchange":
                return exchange.number
            case "tls":
                return exchange.visit.secure
            case "fault":
                return exchange.fault or None
            case "generation":
                return exchange.generation or None
            case "host":
                return exchange.host
            case "ended":
                return exchange.ended
        return exchange.status or None

    def as_json(self) -> dict[str, object]:
        """Return the entry; bytes of the head are shown as Latin-1, which loses none."""
        exchange = self.exchange
        return {
            "entry": self.number,
            **{
                name: self.value(name) for name in ("connection", "exchange", "peer", "tls", "host", "method", "target")
            },
            "request_head": exchange.head.decode("latin-1"),
            "status": exchange.status or None,
            "recording_sha256": exchange.sha256 or None,
            "fault": exchange.fault or None,
            "generation": exchange.generation or None,
            "sent_bytes": exchange.sent_bytes,
            "ended": exchange.ended,
            "accepted_s": exchange.visit.accepted_s,
            "received_s": exchange.received_s,
            "ended_s": exchange.ended_s if exchange.ended else None,
        }


@dataclass(frozen=True, slots=True)
class Criteria:
    """`values` are compared; `fields` are request fields by lower-case name, None for one that must not be there."""

    values: Mapping[str, object]
    fields: Mapping[str, str | None]
    head_contains: str | None

    def misses(self, entry: Entry) -> list[str]:
        """Return which criteria an entry does not meet, each with what it has instead."""
        found = [
            f"{name}: {entry.value(name)!r} is not {wanted!r}"
            for name, wanted in self.values.items()
            if entry.value(name) != wanted
        ]
        if self.fields:
            had = read_fields(entry.exchange.head)
            found += [
                f"fields.{name}: {had.get(name)!r} is not {wanted!r}"
                for name, wanted in self.fields.items()
                if had.get(name) != wanted
            ]
        if self.head_contains is not None and self.head_contains.encode("latin-1") not in entry.exchange.head:
            found.append("head_contains: it does not")
        return found

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values) + len(self.fields) + (self.head_contains is not None)


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
    return Criteria(values, read_wanted(data.get("fields", {}), where, problems), contains)


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
