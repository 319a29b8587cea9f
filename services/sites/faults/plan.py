"""A plan: an ordered list of rules, each a fault with its parameters and the connections or requests that get it.

    [{"fault": "rst_at", "bytes": 40, "first": 3},
     {"fault": "delay", "seconds": 1.5, "probability": 0.1, "seed": 7, "ttl_s": 60}]

A rule counts what it has seen since the plan was set: requests, connections, or TLS handshakes, as its fault says.
A rule applies where `first`, `every` and `probability` all agree; of the rules that apply, the first one is used.
With `per = "connection"`, a fault of requests is decided once for all requests of a connection, at the first one.

The parameters and their bounds are declared in `parameters`; `read_plan` checks a plan against them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import NamedTuple

from services.sites.faults.catalog import FAULTS, Fault, Stage
from services.sites.faults.parameters import DISTRIBUTIONS, WHEN, quoted
from services.sites.faults.script import Value

MAX_RULES = 100


class Problem(NamedTuple):
    """One mistake in a plan: the field's path and the reason."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class BadPlan(Exception):
    """A plan is refused. `problems` has every problem that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems[:3])))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault, and which connections or requests get it. None means: no such limit. Times are in seconds."""

    fault: Fault
    parameters: Mapping[str, Value]
    first: int | None
    every: int | None
    probability: float | None
    seed: int
    ttl_s: float | None
    per: str

    def as_json(self) -> dict[str, Value]:
        """Return the rule as `read_plan` takes it."""
        when = {name: getattr(self, name) for name in ("first", "every", "probability", "ttl_s")}
        given = {name: value for name, value in when.items() if value is not None}
        chosen: dict[str, Value] = {} if self.fault.stage is Stage.LISTEN else {"seed": self.seed, "per": self.per}
        return {"fault": self.fault.name, **self.parameters, **given, **chosen}


def read_plan(data: object) -> tuple[Rule, ...]:
    """Return the plan in `data`, which comes from JSON or TOML. Raises BadPlan, with every problem that it has."""
    if not isinstance(data, list):
        raise BadPlan([Problem("faults", "is not a list of rules")])
    if len(data) > MAX_RULES:
        raise BadPlan([Problem("faults", f"has {len(data)} rules, and {MAX_RULES} is the limit")])
    problems: list[Problem] = []
    rules = [read_rule(each, f"faults[{index}]", problems) for index, each in enumerate(data)]
    if problems:
        raise BadPlan(problems)
    return tuple(rule for rule in rules if rule)


def read_rule(data: object, where: str, problems: list[Problem]) -> Rule | None:
    """Return the rule in `data`. If it has problems, add them to `problems` and return None."""
    if not isinstance(data, dict):
        problems.append(Problem(where, "is not a table of fields"))
        return None
    name = data.get("fault")
    fault = FAULTS.get(name) if isinstance(name, str) else None
    if not fault:
        problems.append(Problem(f"{where}.fault", f"{quoted(name)} is not a fault: there are {', '.join(FAULTS)}"))
        return None
    already = len(problems)
    known = {each.name: each for each in (*fault.parameters, *WHEN)}
    problems += [
        Problem(f"{where}.{str(key)[:40]}", f"is unknown: {name} has {', '.join(known)}")
        for key in data
        if key != "fault" and key not in known
    ]
    values = dict(fault.defaults)
    for key, parameter in known.items():
        if key in data:
            if reason := parameter.problem(data[key]):
                problems.append(Problem(f"{where}.{key}", reason))
            else:
                values[key] = parameter.type(data[key])
        elif key not in values and not parameter.optional:
            problems.append(Problem(f"{where}.{key}", f"is missing: {parameter.meaning}"))
    if len(problems) == already:
        problems += [Problem(f"{where}.{key}", reason) for key, reason in contradictions(fault, values)]
    return None if len(problems) > already else rule_of(fault, values)


def contradictions(fault: Fault, values: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return the keys that do not go together, and why. The value of each key is already checked."""
    found = []
    if fault.stage is Stage.LISTEN:
        only = [each.name for each in WHEN if each.name in values and each not in fault.when]
        found += [(key, f"cannot be: {fault.name} closes the port, and sees no connection to choose") for key in only]
    elif fault.stage is not Stage.REQUEST and values.get("per") == "request":
        found.append(("per", f"{fault.name} is injected before there is a request"))
    if fault.name == "delay":
        distribution = str(values["distribution"])
        needed = DISTRIBUTIONS[distribution]
        found += [(key, f"is missing: a {distribution} delay needs it") for key in needed if key not in values]
        others = [key for keys in DISTRIBUTIONS.values() for key in keys if key not in needed]
        found += [(key, f"is not for a {distribution} delay") for key in others if key in values]
        if distribution == "uniform" and not found and float(values["least_s"]) > float(values["most_s"]):
            found.append(("least_s", "is greater than most_s"))
    return found


def rule_of(fault: Fault, values: Mapping[str, Value]) -> Rule:
    """Return the rule with these values, which are already checked."""

    def whole(key: str) -> int | None:
        return int(values[key]) if key in values else None

    def number(key: str) -> float | None:
        return float(values[key]) if key in values else None

    names = {each.name for each in fault.parameters}
    seed = 0 if fault.stage is Stage.LISTEN else whole("seed")  # nothing is drawn for a closed port
    return Rule(
        fault=fault,
        parameters={key: value for key, value in values.items() if key in names},
        first=whole("first"),
        every=whole("every"),
        probability=number("probability"),
        seed=SystemRandom().getrandbits(32) if seed is None else seed,
        ttl_s=number("ttl_s"),
        per=str(values.get("per", "request" if fault.stage is Stage.REQUEST else "connection")),
    )


def misplaced(plan: tuple[Rule, ...], *, head_bytes: int, shared: str = "") -> list[Problem]:
    """Return the problems that a plan has on one host.

    `head_bytes`: the size of the host's head; `shared`: why its port is shared with other hosts, empty if it is not.
    """
    problems = []
    for index, rule in enumerate(plan):
        asked = rule.parameters.get("bytes", 0)
        if rule.fault.has_offset and int(asked) > head_bytes:
            problems.append(
                Problem(f"faults[{index}].bytes", f"{asked} is beyond the head, which has {head_bytes} bytes")
            )
        if shared and rule.fault.needs_own_port:
            problems.append(Problem(f"faults[{index}].fault", f"{rule.fault.name} cannot be: {shared}"))
    return problems
