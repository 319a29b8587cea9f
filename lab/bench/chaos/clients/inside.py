"""The scripts for a client's container: standard library alone, sent to `python3 -` through its stdin.

The containers hold nothing of `lab`, and should not. An attack is sent together with `attack`, the module that all
attacks import: that comes first, under its own name.
"""

import json
from collections.abc import Mapping

from lab import ROOT
from lab.bench.chaos.clients.attacker import ATTACKS

SHARED = "lab.bench.chaos.clients.attack"
ATTACKER = "lab.bench.chaos.clients.attacker"
CHANGES, SURVEYS = "lab.bench.chaos.clients.changes", "lab.bench.chaos.clients.surveys"
HEALTHY = "lab.bench.chaos.clients.healthy"
SCRIPTS: Mapping[str, str] = {
    **dict.fromkeys(ATTACKS, ATTACKER),
    **dict.fromkeys(("faults", "refuse", "verify"), CHANGES),
    **dict.fromkeys(("survey_killed", "survey_paused"), SURVEYS),
}
"""Which module holds each attack."""

PRELUDE = """\
import sys, types
def load(name, source):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
"""


def script(module: str) -> bytes:
    """Return what has to be sent to run a module."""
    if module == HEALTHY:
        return source(module).encode("utf-8")
    return f"{PRELUDE}load({SHARED!r}, {source(SHARED)!r})\n{source(module)}".encode()


def source(module: str) -> str:
    """Return a module's text."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")


def order(**fields: str | int | float) -> str:
    """Return an order for an attack, as its script reads it."""
    return json.dumps(fields)
