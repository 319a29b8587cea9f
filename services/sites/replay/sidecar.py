"""The sidecar: `<host>.toml`, or `<host>/NAME.toml`, beside a recording. All of it is optional, and keys that are not
listed here are refused.

after = "body"              # after the head: "body" (see the next key), "close", "idle" (open and quiet)
body = "recorded"           # "recorded": what follows the head in the recording, which may be nothing; "made": no body
                            # was recorded, and the site makes one that fits the head. Without this key it is "made" if
                            # nothing follows the head, else "recorded". `lab record` writes it.

[fields]                    # what may differ from the recording: set in place, or added at the (final) head's end; it
                            # counts for the body's framing, the connection's persistence and the offsets of faults
Date = "now"                # "now", in Date alone, is the time of each answer

[[faults]]                  # the plan to start with, as in `client faults set`
fault = "rst_at"
bytes = 40
first = 3

[provenance]                # where the recording comes from, written by `lab record`; only people read it

`<host>/NAME.toml` has no `[[faults]]`, which are a host's, and it alone has these:

times = 2                   # it answers so often, and then the next one that matches; without the key: always
sequence = 1                # its place among the recordings with the same match

[match]                     # which requests it is for: see `match`; without the table: all
path = "/v1/*"
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

from services.runtime.http import TOKEN_CHARACTERS
from services.runtime.playable import BodySource
from services.runtime.untrusted import BadTOML, parse_toml
from services.sites.faults.parameters import quoted
from services.sites.faults.plan import BadPlan, Problem, Rule, read_plan
from services.sites.replay.match import EVERY_REQUEST, Match, read_match

MAX_SIDECAR_BYTES = 256 * 1024
FIELD_BYTES, RULE_BYTES = 192, 1024  # of the objects that hold each in memory
KEYS = {"after", "body", "fields", "faults", "match", "provenance", "sequence", "times"}
HOSTS_ALONE, OTHERS_ALONE = {"faults"}, {"match", "sequence", "times"}
MAX_TIMES = 1_000_000_000
FIELD_NAME = re.compile(rf"[{TOKEN_CHARACTERS}]{{1,256}}")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")

Choice = TypeVar("Choice", bound=Enum)


class BodyMode(Enum):
    """What follows a head."""

    BODY = "body"
    CLOSE = "close"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The values of a sidecar. `fields` are bytes, as they go into the head; `body` is None if the key is missing."""

    after: BodyMode = BodyMode.BODY
    body: BodySource | None = None
    fields: Mapping[bytes, bytes] = field(default_factory=lambda: MappingProxyType({}))
    plan: tuple[Rule, ...] = ()
    match: Match = EVERY_REQUEST
    times: int | None = None
    sequence: int | None = None

    @property
    def held_bytes(self) -> int:
        """Its size in memory."""
        fields = sum(len(name) + len(value) + FIELD_BYTES for name, value in self.fields.items())
        match = 0 if self.match is EVERY_REQUEST else self.match.held_bytes
        return fields + len(self.plan) * RULE_BYTES + match


NOTHING_SAID = Sidecar()


def read_sidecar(raw: bytes, *, of_host: bool = True) -> Sidecar:
    """Return the sidecar in `raw`; `of_host`: of a host's own recording, and not of one with a match.

    Raises ValueError, whose text names the field and the reason.
    """
    if len(raw) > MAX_SIDECAR_BYTES:
        raise ValueError(f"is larger than {MAX_SIDECAR_BYTES:,} bytes")
    try:
        tables = parse_toml(raw)
    except BadTOML as error:
        raise ValueError(str(error)) from error
    if unknown := sorted(tables.keys() - KEYS):
        raise ValueError(f"{unknown[0][:40]!r} is not a key: there are {', '.join(sorted(KEYS))}")
    if misplaced := sorted(tables.keys() & (OTHERS_ALONE if of_host else HOSTS_ALONE)):
        where = "HOST/NAME.toml, beside a recording of its own" if of_host else "HOST.toml, for the whole host"
        raise ValueError(f"{misplaced[0]}: belongs into {where}")
    if not isinstance(tables.get("provenance", {}), dict):
        raise ValueError("provenance: is not a table")  # noqa: TRY004 - a file's value is wrong
    return Sidecar(
        after=read_choice("after", tables.get("after", "body"), BodyMode),
        body=read_choice("body", tables["body"], BodySource) if "body" in tables else None,
        fields=read_fields(tables.get("fields", {})),
        plan=read_faults(tables.get("faults", [])),
        match=read_match_table(tables.get("match", {})),
        times=read_whole("times", tables.get("times"), least=1),
        sequence=read_whole("sequence", tables.get("sequence"), least=0),
    )


def read_choice(key: str, value: object, choices: type[Choice]) -> Choice:
    """Return the member of `choices` with this value. Raises ValueError for any other value."""
    try:
        return choices(value)
    except ValueError:
        raise ValueError(f"{key}: {quoted(value)} is not one of {', '.join(each.value for each in choices)}") from None


def read_fields(table: object) -> Mapping[bytes, bytes]:
    """Return the fields that the sidecar sets. Raises ValueError."""
    if not isinstance(table, dict):
        raise ValueError("fields: is not a table")  # noqa: TRY004
    for name, value in table.items():
        if not FIELD_NAME.fullmatch(name):
            raise ValueError(f"fields.{name[:40]!r}: is not a field name")
        if not isinstance(value, str) or not FIELD_VALUE.fullmatch(value):
            raise ValueError(f"fields.{name}: is not a field value (text without line ends, in Latin-1)")
    return MappingProxyType({name.encode(): value.encode("latin-1") for name, value in table.items()})


def read_faults(rules: object) -> tuple[Rule, ...]:
    """Return the plan to start with. Raises ValueError with its first problem: a log line has room for one."""
    try:
        return read_plan(rules)
    except BadPlan as error:
        raise ValueError(str(error.problems[0])) from error


def read_match_table(table: object) -> Match:
    """Return which requests the recording is for. Raises ValueError with the first problem."""
    problems: list[Problem] = []
    match = read_match(table, "match", problems)
    if problems:
        raise ValueError(str(problems[0]))
    return EVERY_REQUEST if match == EVERY_REQUEST else match


def read_whole(key: str, value: object, *, least: int) -> int | None:
    """Return a whole number, None where there is none. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_TIMES:
        raise ValueError(f"{key}: {quoted(value)} is not a whole number from {least} to {MAX_TIMES:,}")
    return value
