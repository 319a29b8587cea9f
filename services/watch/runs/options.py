"""The options of the programs that a page may start: each is declared once, and reads a value of JSON.

The bounds are narrower than the client's own: a page is to be drawn of a run, and the machine is a person's.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from services.runtime.http import HOST_NAME
from services.watch.responses import Refused

TARGET = re.compile(r"(?:(https?)://)?([^/:?#@\s]+)(?::(80|443))?(/[!-~]*)?", re.IGNORECASE)
MAX_TARGET_CHARACTERS = 2_000
SHOWN_CHARACTERS = 60

Value = str | int | list[str]
Hosts = Callable[[], Collection[str]]


class Option(Protocol):
    """One option: its name, the value that it has if a page gives none, and how the page shows it.

    `only`: what the first option has to be for this one to count; empty: it always counts.
    """

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> Value: ...
    @property
    def only(self) -> str: ...
    def as_json(self) -> dict[str, object]:
        """Return the option as the page gets it."""

    def read(self, value: object, hosts: Hosts) -> Value:
        """Return the value. Raises Refused. `hosts`: returns the hosts of the lab."""


def shown(value: object) -> str:
    """Return the beginning of a value."""
    return repr(value)[:SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words; the first is the default."""

    name: str
    choices: tuple[str, ...]
    only: str = ""

    @property
    def default(self) -> str:
        return self.choices[0]

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "kind": "choice", "choices": self.choices, "default": self.default}

    def read(self, value: object, _hosts: Hosts) -> str:
        if isinstance(value, str) and value in self.choices:
            return value
        raise Refused(400, f"{self.name}: {shown(value)} is not one of {', '.join(self.choices)}")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    name: str
    least: int
    most: int
    default: int
    only: str = ""

    def as_json(self) -> dict[str, object]:
        described = {
            "name": self.name,
            "kind": "whole",
            "least": self.least,
            "most": self.most,
            "default": self.default,
        }
        return {**described, "only": self.only} if self.only else described

    def read(self, value: object, _hosts: Hosts) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most:
            return value
        raise Refused(400, f"{self.name}: {shown(value)} is not a whole number from {self.least:,} to {self.most:,}")


@dataclass(frozen=True, slots=True)
class Targets:
    """A list of hosts of the lab, or of http and https URLs at their usual ports."""

    name: str
    most: int
    default: list[str] = field(default_factory=list)
    only: str = ""

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "kind": "targets", "most": self.most, "default": self.default}

    def read(self, value: object, hosts: Hosts) -> list[str]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise Refused(400, f"{self.name}: give a list of 1 to {self.most} hosts or URLs")
        known = hosts()
        return [self._read_one(each, known) for each in value]

    def _read_one(self, text: object, known: Collection[str]) -> str:
        found = TARGET.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_TARGET_CHARACTERS else None
        host = found[2].lower().removesuffix(".") if found else ""
        if not found or not HOST_NAME.fullmatch(host):
            raise Refused(400, f"{self.name}: {shown(text)} is no host, and no http or https URL of one")
        if host not in known:
            raise Refused(400, f"{self.name}: {shown(host)} is no host of the lab")
        if found[3] and (found[3] == "443") is not (found[0].lower().startswith("https:")):
            raise Refused(400, f"{self.name}: {shown(text)} has the port of another scheme")
        return found[0]
