"""`client faults`: what a site does wrong, shown and changed while it runs.

Whoever connects after this command has ended gets what it said. A plan that is refused changes nothing.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import partial

from services.client.admin import Answer, WrongUsage, ask, complain, nothing, read_json
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.client.site_options import WHEN, Value
from services.client.tables import columns
from services.runtime.aside import aside
from services.runtime.command_line import show
from services.runtime.run import Stop, until_stopped
from services.runtime.text import printable

PLAN_STATE = frozenset({"host", "generation", "source"})
RULE_STATE = frozenset({"seen", "fired", "remaining_s"})
"""What is told of a plan and its rules while they are in force, and cannot be set."""


@dataclass(frozen=True, slots=True)
class Options:
    """`parameters`: of the one rule that `fault` makes; `plan`: a whole plan instead."""

    action: str
    site: str
    fault: str | None
    plan: str | None
    parameters: Mapping[str, Value]
    format: str


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Do it; 0 if done, 1 if the site refused, 2 for wrong usage, 3 for a file, 4 if nothing answered."""
    return await until_stopped(act(options, settings), stop)


async def act(options: Options, settings: ClientSettings) -> int:
    """Ask the site, and show the plan that is then in force."""
    method, path, body = await request(options)
    try:
        answer = await ask(settings, options.site, method, path, body=body)
    except FetchError as error:
        return nothing("faults", options.site, error)
    if answer.status != 200:
        return complain("faults", options.site, answer)
    if options.format == "json":
        show(json.dumps(answer.data))
    else:
        show(kinds_text(answer) if options.action == "kinds" else plan_text(answer))
    return 0


async def request(options: Options) -> tuple[str, str, object]:
    """Return method, path and body. Raises WrongUsage or FileUnreadable."""
    path = f"/faults/{options.site}"
    if options.action != "set" and (options.fault or options.plan or options.parameters):
        raise WrongUsage(f"faults {options.action} takes a site and nothing else (see client faults --help)")
    match options.action:
        case "list":
            return "GET", path, None
        case "clear":
            return "DELETE", path, None
        case "reset":
            return "POST", f"{path}/reset", None
        case "kinds":
            return "GET", "/fault-kinds", None
    if (options.fault is None) is (options.plan is None):
        raise WrongUsage("faults set takes either a fault or --plan (see client faults --help)")
    if options.plan is None:
        return "PUT", path, {"faults": [{"fault": options.fault, **options.parameters}]}
    if options.parameters:
        raise WrongUsage("a plan says everything itself: leave the other options out")
    plan = await aside(partial(read_json, options.plan))
    return "PUT", path, as_set({"faults": plan} if isinstance(plan, list) else plan)


def as_set(plan: object) -> object:
    """Return a plan without what only `list` tells of one in force. Anything else in it is the site's to judge."""
    if not isinstance(plan, dict):
        return plan
    faults = plan.get("faults")
    if isinstance(faults, list):
        plan = {**plan, "faults": [without(rule, RULE_STATE) if isinstance(rule, dict) else rule for rule in faults]}
    return without(plan, PLAN_STATE)


def without(data: Mapping[str, object], names: Set[str]) -> dict[str, object]:
    """Return an object without some of its names."""
    return {name: value for name, value in data.items() if name not in names}


def plan_text(answer: Answer) -> str:
    """Return a plan as a table."""
    plan = answer.data
    faults = plan.get("faults")
    rules = faults if isinstance(faults, list) else []
    title = f"{plan.get('host')}: plan {plan.get('generation')} ({plan.get('source')})"
    if not rules:
        return printable(f"{title}: no faults")
    rows = [rule_row(rule) for rule in rules if isinstance(rule, dict)]
    return printable(title) + "\n" + columns(("fault", "parameters", "who", "seen", "fired", "ttl left"), rows)


def rule_row(rule: Mapping[str, object]) -> tuple[str, ...]:
    """Return a rule's cells."""
    apart = RULE_STATE | {"fault"}
    what = [f"{name}={value}" for name, value in rule.items() if name not in apart and name not in WHEN]
    who = [f"{name}={value}" for name, value in rule.items() if name in WHEN]
    left = rule.get("remaining_s")
    ends = "-" if left is None else f"{left} s"
    return (str(rule.get("fault")), " ".join(what) or "-", " ".join(who), str(rule["seen"]), str(rule["fired"]), ends)


def kinds_text(answer: Answer) -> str:
    """Return every fault with its parameters and its bytes; who gets it where it is not as for most."""
    lines = []
    faults, when, notes = (answer.data.get(name) for name in ("faults", "when", "notes"))
    for fault in faults if isinstance(faults, list) else []:
        lines.append(f"{fault['fault']}  (counts: {fault['counts']})")
        lines.append(f"    {fault['bytes']}")
        lines += [f"    {parameter_text(each)}" for each in fault["parameters"]]
        if fault["needs_own_port"]:
            lines.append("    needs the host's own port")
        if fault["when"] != when:
            lines.append(f"    who gets it: only {', '.join(map(brief_text, fault['when']))}")
    lines.append("who gets it, unless the fault says otherwise")
    lines += [f"    {parameter_text(each)}" for each in (when if isinstance(when, list) else [])]
    lines.append("what the words mean")
    lines += [f"    {note}" for note in (notes if isinstance(notes, list) else [])]
    return "\n".join(map(printable, lines))


def brief_text(parameter: Mapping[str, object]) -> str:
    """Return a parameter's name, and the one thing that it may be if there is but one."""
    choices = parameter.get("choices")
    return f"{parameter['name']} {choices[0]}" if isinstance(choices, list) else str(parameter["name"])


def parameter_text(parameter: Mapping[str, object]) -> str:
    """Return a parameter in a line."""
    choices = parameter.get("choices")
    span = f"{parameter.get('least')} to {parameter.get('most')}"
    may_be = ", ".join(map(str, choices)) if isinstance(choices, list) else span
    need = "required" if parameter["required"] else f"default {parameter['default']}" if "default" in parameter else ""
    return f"{parameter['name']:<14} {parameter['meaning']} ({'; '.join(filter(None, [may_be, need]))})"
