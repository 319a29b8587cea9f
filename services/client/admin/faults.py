"""`client faults`: what a site does wrong, shown and changed while it runs.

Whoever connects after this command has ended gets what it said. A plan that is refused changes nothing.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import partial

from services.client.admin.answers import (
    RULE_STATE,
    ActiveRule,
    Kinds,
    NotASite,
    Parameter,
    Plan,
    read_kinds,
    read_plan,
)
from services.client.admin.api import WrongUsage, ask, complain, no_answer, read_json
from services.client.admin.options import WHEN, Value
from services.client.admin.tables import columns, hanging
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.runtime.run import Stop, until_stopped
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, show

PLAN_STATE = frozenset({"host", "generation", "source"})
"""What is told of a plan while it is in force, and cannot be set."""
KIND_INDENT = 8  # of what goes on in the next line


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
        if answer.status != 200:
            return complain("faults", options.site, answer)
        if options.action == "kinds":
            shown, amiss = kinds_text(read_kinds(answer.data)), ""
        else:
            plan = read_plan(answer.data)
            shown, amiss = plan_text(plan), difference(plan, options, body)
    except FetchError as error:
        return no_answer("faults", options.site, error)
    if amiss:
        say(printable(f"faults {options.site}: {amiss}"))
        return 1
    show(json.dumps(answer.data) if options.format == "json" else shown)
    return 0


def difference(plan: Plan, options: Options, body: object) -> str:
    """Return how the plan that a site shows differs from what was asked for; nothing where it does not."""
    if plan.host != options.site:
        raise NotASite
    if options.action not in {"set", "clear"}:
        return ""
    wanted = fault_names(body) if options.action == "set" else []
    has = [rule.fault for rule in plan.rules]
    if has == wanted and plan.generation >= 1:
        return ""
    return f"the site says that another plan is in force ({', '.join(has) or 'no faults'}): see client faults list"


def fault_names(body: object) -> list[object]:
    """Return the names of the faults in a plan that a site has taken. Raises Stranger where no site takes it."""
    rules = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(rules, list):
        raise NotASite
    return [rule.get("fault") if isinstance(rule, dict) else None for rule in rules]


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
    plan = await run_in_daemon_thread(partial(read_json, options.plan))
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


def plan_text(plan: Plan) -> str:
    """Return a plan as a table."""
    title = printable(f"{plan.host}: plan {plan.generation} ({plan.source})")
    if not plan.rules:
        return f"{title}: no faults"
    head = ("fault", "parameters", "who", "seen", "fired", "ttl left")
    return title + "\n" + columns(head, [rule_row(rule) for rule in plan.rules])


def rule_row(rule: ActiveRule) -> tuple[str, ...]:
    """Return a rule's cells."""
    what = [f"{name}={value}" for name, value in rule.parameters.items() if name not in WHEN]
    who = [f"{name}={value}" for name, value in rule.parameters.items() if name in WHEN]
    ends = "-" if rule.remaining_s is None else f"{rule.remaining_s} s"
    return (rule.fault, " ".join(what) or "-", " ".join(who), str(rule.seen), str(rule.fired), ends)


def kinds_text(kinds: Kinds) -> str:
    """Return every fault with its parameters and its bytes; who gets it where it is not as for most."""
    lines = []
    for kind in kinds.faults:
        lines.append(f"{kind.fault}  (counts: {kind.counts})")
        lines.append(f"    {kind.bytes}")
        lines += [f"    {parameter_text(each)}" for each in kind.parameters]
        if kind.needs_own_port:
            lines.append("    needs the host's own port")
        if kind.when != kinds.when:
            lines.append(f"    who gets it: only {', '.join(map(brief_text, kind.when))}")
    lines.append("who gets it, unless the fault says otherwise")
    lines += [f"    {parameter_text(each)}" for each in kinds.when]
    lines.append("what the words mean")
    lines += [f"    {note}" for note in kinds.notes]
    return "\n".join(hanging(line, KIND_INDENT if line.startswith(" ") else 0) for line in lines)


def brief_text(parameter: Parameter) -> str:
    """Return a parameter's name, and the one thing that it may be if there is but one."""
    return f"{parameter.name} {parameter.choices[0]}" if parameter.choices else parameter.name


def parameter_text(parameter: Parameter) -> str:
    """Return a parameter in a line."""
    may_be = ", ".join(parameter.choices or ()) or f"{parameter.least} to {parameter.most}"
    default = "" if parameter.default is None else f"default {parameter.default}"
    need = "required" if parameter.required else default
    return f"{parameter.name:<14} {parameter.meaning} ({'; '.join(filter(None, [may_be, need]))})"
