"""`client faults`: shows and changes the faults of a site while it runs.

A new plan is in force for all connections that begin after this command has ended. A plan that is refused changes
nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from services.client.admin.answers import ActiveRule, Kinds, NotASite, Parameter, Plan, read, without
from services.client.admin.api import WrongUsage, ask, read_json, report_no_answer, report_refusal
from services.client.admin.options import WHEN, Value
from services.client.admin.tables import columns, hanging
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.runtime.run import Stop, until_stopped
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, show

PLAN_STATE = frozenset({"host", "generation", "source"})
RULE_STATE = frozenset({"seen", "fired", "remaining_s"})
"""The values of a plan and of a rule that `list` shows and `set` does not take."""
KIND_INDENT = 8  # of the second and later lines of a line that is too long


@dataclass(frozen=True, slots=True)
class Options:
    """`fault` and its `parameters` make a plan of one rule; `plan` is a whole plan instead."""

    action: str
    site: str
    fault: str | None
    plan: str | None
    parameters: Mapping[str, Value]
    format: str


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run the command. Exit codes: 0 done, 1 refused by the site, 2 wrong usage, 3 unreadable file, 4 no answer."""
    return await until_stopped(ask_site(options, settings), stop)


async def ask_site(options: Options, settings: ClientSettings) -> int:
    """Send the request, and show the plan that is in force then."""
    method, path, body = await request(options)
    try:
        answer = await ask(settings, options.site, method, path, body=body)
        if answer.status != 200:
            return report_refusal("faults", options.site, answer)
        if options.action == "kinds":
            text, problem = kinds_text(read(Kinds, answer.data)), ""
        else:
            plan = read(Plan, answer.data)
            text, problem = plan_text(plan), difference(plan, options, body)
    except FetchError as error:
        return report_no_answer("faults", options.site, error)
    if problem:
        say(printable(f"faults {options.site}: {problem}"))
        return 1
    show(json.dumps(answer.data) if options.format == "json" else text)
    return 0


def difference(plan: Plan, options: Options, body: object) -> str:
    """Return how the plan that a site shows differs from the requested one; an empty text if it does not."""
    if plan.host != options.site:
        raise NotASite
    if options.action not in {"set", "clear"}:
        return ""
    requested = fault_names(body) if options.action == "set" else []
    names = [rule.fault for rule in plan.faults]
    if names == requested and plan.generation >= 1:
        return ""
    return f"the site says that another plan is in force ({', '.join(names) or 'no faults'}): see client faults list"


def fault_names(body: object) -> list[object]:
    """Return the names of the faults in a plan that the site has accepted. Raises NotASite if no site accepts it."""
    rules = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(rules, list):
        raise NotASite
    return [rule.get("fault") if isinstance(rule, dict) else None for rule in rules]


async def request(options: Options) -> tuple[str, str, object]:
    """Return the method, path and body of the request. Raises WrongUsage or FileUnreadable."""
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
    return "PUT", path, without_state({"faults": plan} if isinstance(plan, list) else plan)


def without_state(plan: object) -> object:
    """Return a plan without the values that only `list` shows. The site checks everything else in it."""
    if not isinstance(plan, dict):
        return plan
    faults = plan.get("faults")
    if isinstance(faults, list):
        plan = {**plan, "faults": [without(rule, RULE_STATE) if isinstance(rule, dict) else rule for rule in faults]}
    return without(plan, PLAN_STATE)


def plan_text(plan: Plan) -> str:
    title = printable(f"{plan.host}: plan {plan.generation} ({plan.source})")
    if not plan.faults:
        return f"{title}: no faults"
    head = ("fault", "parameters", "who", "seen", "fired", "ttl left")
    return title + "\n" + columns(head, [rule_row(rule) for rule in plan.faults])


def rule_row(rule: ActiveRule) -> tuple[str, ...]:
    """Return a rule's cells."""
    what = [f"{name}={value}" for name, value in rule.parameters.items() if name not in WHEN]
    who = [f"{name}={value}" for name, value in rule.parameters.items() if name in WHEN]
    ends = "-" if rule.remaining_s is None else f"{rule.remaining_s} s"
    return (rule.fault, " ".join(what) or "-", " ".join(who), str(rule.seen), str(rule.fired), ends)


def kinds_text(kinds: Kinds) -> str:
    """Return every fault with its parameters and its bytes, and its `when` if that differs from most faults."""
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
    """Return the name of a parameter, with its first choice if it has choices."""
    return f"{parameter.name} {parameter.choices[0]}" if parameter.choices else parameter.name


def parameter_text(parameter: Parameter) -> str:
    may_be = ", ".join(parameter.choices or ()) or f"{parameter.least} to {parameter.most}"
    default = "" if parameter.default is None else f"default {parameter.default}"
    need = "required" if parameter.required else default
    return f"{parameter.name:<14} {parameter.meaning} ({'; '.join(filter(None, [may_be, need]))})"
