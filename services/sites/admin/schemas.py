"""Every schema of the admin API, made from the tables that the code itself reads: faults, criteria, checks, endings.

A request that a schema refuses is refused; one that it lets pass may still be refused for what no schema can say: an
offset beyond the head of this host, a fault that needs a port of its own, a bound above another.
"""

from services.sites.admin.entries import CHOICES, TEXTS, WHOLES
from services.sites.admin.expectations import CHECKS, MAX_CHECKS
from services.sites.admin.shapes import NUMBER, TEXT, TRUTH, WHOLE, Schema, array, one_of, or_null, reference, table
from services.sites.admin.verdict import SHOWN_HEAD_BYTES
from services.sites.faults.catalog import FAULTS, Fault, Parameter, Stage
from services.sites.faults.plan import MAX_RULES, NEEDED
from services.sites.journal import ENDS

ASCII = r"^[\x00-\x7f]*$"
TIME: Schema = {**NUMBER, "description": "seconds of the site's monotonic clock"}


def schemas() -> Schema:
    """Return every schema by its name."""
    return {**plans(), **kinds(), **journal(), **verdicts(), **expectations(), **refusals()}


def refusals() -> Schema:
    """Return what is answered with 4xx: a word for programs, and for a person what is wrong."""
    return {
        "Problem": table({"field": TEXT, "reason": TEXT}),
        "Refusal": table({"error": TEXT, "problems": array(reference("Problem"))}),
    }


def plans() -> Schema:
    """Return plans as they are set, and as they are in force."""
    source = one_of(["sidecar", "admin", "temporary"])
    faults = array(reference("RuleInForce"))
    return {
        "Rule": {"oneOf": [rule(fault) for fault in FAULTS.values()]},
        "NewPlan": table({"faults": array(reference("Rule"), most=MAX_RULES)}),
        "RuleInForce": {"oneOf": [rule_in_force(fault) for fault in FAULTS.values()]},
        "Plan": table({"host": TEXT, "generation": WHOLE, "source": source, "faults": faults}),
        "Plans": table({"generation": WHOLE, "hosts": array(reference("Plan"))}),
    }


def rule(fault: Fault) -> Schema:
    """Return the schema of a rule with this fault."""
    properties: Schema = {"fault": {"const": fault.name}}
    properties |= {each.name: parameter(each) for each in (*fault.parameters, *fault.when)}
    required = ("fault", *(each.name for each in fault.parameters if each.required))
    description = fault.oracle + ("; needs the host's own port" if fault.needs_own_port else "")
    return {"title": fault.name, "description": description, **table(properties, required=required), **variants(fault)}


def rule_in_force(fault: Fault) -> Schema:
    """Return the schema of a rule with this fault, what was left out of it filled in, and what it has done so far."""
    state: Schema = {
        "seen": {**WHOLE, "description": "how many it was asked about"},
        "fired": {**WHOLE, "description": "how many it struck"},
        "remaining_s": {**or_null("number"), "description": "null: no time to live"},
    }
    drawn = () if fault.stage is Stage.LISTEN else ("seed", "per")
    properties: Schema = {"fault": {"const": fault.name}}
    properties |= {each.name: parameter(each) for each in (*fault.parameters, *fault.when)}
    required = ("fault", *(each.name for each in fault.parameters if not each.optional), *drawn, *state)
    return {"title": fault.name, **table(properties | state, required=required), **variants(fault)}


def variants(fault: Fault) -> Schema:
    """Return which parameters go together, for a delay: each distribution has its own."""
    if fault.name != "delay":
        return {}
    every = [name for needed in NEEDED.values() for name in needed]
    usual = fault.defaults["distribution"]
    return {
        "oneOf": [
            {
                "properties": {"distribution": {"const": name}} | {each: False for each in every if each not in needed},
                "required": [*needed, *(() if name == usual else ("distribution",))],
            }
            for name, needed in NEEDED.items()
        ]
    }


def parameter(each: Parameter) -> Schema:
    """Return the schema of a parameter."""
    schema: Schema = {"type": each.json_type, "description": each.meaning}
    schema |= one_of(each.choices) if each.choices else {"minimum": each.least, "maximum": each.most}
    return schema if each.default is None else {**schema, "default": each.default}


def kinds() -> Schema:
    """Return how faults and their parameters are described."""
    own = {
        "name": TEXT,
        "type": one_of(["integer", "number", "string"]),
        "meaning": TEXT,
        "required": {**TRUTH, "description": "a rule without it is refused"},
    }
    span: Schema = {"choices": array(TEXT), "least": NUMBER, "most": NUMBER, "default": {"type": ["number", "string"]}}
    ways = [{"required": ["choices"]}, {"required": ["least", "most"]}]
    parameters = array(reference("Parameter"))
    kind = {
        "fault": one_of(FAULTS),
        "counts": one_of(stage.value for stage in Stage),
        "bytes": {**TEXT, "description": "the exact bytes that a peer gets, and the ending"},
        "needs_own_port": {**TRUTH, "description": "it cannot be where hosts share one"},
        "parameters": parameters,
        "when": {**parameters, "description": "who gets it"},
    }
    return {
        "Parameter": {**table({**own, **span}, required=own), "oneOf": ways},
        "Kind": table(kind),
        "Kinds": table({"faults": array(reference("Kind")), "when": parameters, "notes": array(TEXT)}),
    }


def entry() -> Schema:
    """Return what is known of an exchange."""
    return {
        "entry": {**WHOLE, "description": "from 1, in the order of arrival"},
        "connection": WHOLE,
        "exchange": {**WHOLE, "description": "within the connection, from 1; 0: no whole request came"},
        "peer": TEXT,
        "tls": TRUTH,
        "host": {**TEXT, "description": "empty: none that is known here was asked for"},
        "method": or_null("string"),
        "target": or_null("string"),
        "request_head": {**TEXT, "description": "every byte, as Latin-1"},
        "status": or_null("integer"),
        "recording_sha256": {**or_null("string"), "pattern": "^[0-9a-f]{64}$"},
        "fault": one_of([*FAULTS, None]),
        "generation": {**or_null("integer"), "description": "of the plan that struck"},
        "sent_bytes": WHOLE,
        "ended": {**one_of([*ENDS, None]), "description": "null: it has not"},
        "accepted_s": TIME,
        "received_s": TIME,
        "ended_s": {**TIME, **or_null("number")},
    }


def journal() -> Schema:
    """Return the journal: kept + dropped = total."""
    counts: Schema = {"total": WHOLE, "kept": WHOLE, "dropped": WHOLE}
    return {
        "Entry": table(entry()),
        "Counts": table(counts),
        "Journal": table({**counts, "entries": array(reference("Entry"))}),
    }


def verdicts() -> Schema:
    """Return what the journal says to expectations."""
    failure = {"check": TEXT, "expected": TEXT, "found": WHOLE, "nearest": array(reference("NearMiss"))}
    reason: Schema = {"reason": {**TEXT, "description": "why it cannot be known whether it holds, or what is left out"}}
    shown: Schema = {**TEXT, "description": f"its first {SHOWN_HEAD_BYTES:,} bytes, as Latin-1"}
    misses = {**array(TEXT), "description": "the criteria that it does not meet, each with what it has instead"}
    verdict = {"verified": TRUTH, "considered": WHOLE, "dropped": WHOLE, "failures": array(reference("Failure"))}
    return {
        "NearMiss": table({**entry(), "request_head": shown, "misses": misses}),
        "Failure": table({**failure, **reason}, required=failure),
        "Verdict": table(verdict),
    }


def expectations() -> Schema:
    """Return what POST /journal/verify takes."""
    criteria = reference("Criteria")
    bounds = {"count": WHOLE, "at_least": WHOLE, "at_most": WHOLE}
    either = {"required": ["count"], "anyOf": [{"required": ["at_least"]}, {"required": ["at_most"]}]}
    items = {"expect": reference("Expected"), "at_once": reference("AtOnce"), "order": criteria, "absent": criteria}
    lists: Schema = {name: array(items[name], most=MAX_CHECKS) for name in CHECKS}
    since: Schema = {"since": {**WHOLE, "description": "only entries after this one count"}}
    return {
        "Criteria": table(criteria_of_an_entry(), required=()),
        "Expected": {**table({"match": criteria, **bounds}, required=()), "not": either},
        "AtOnce": table({"match": criteria, "at_most": WHOLE}, required=("at_most",)),
        "Expectations": {
            **table({**since, **lists}, required=()),
            "anyOf": [{"required": [name]} for name in CHECKS],
        },
    }


def criteria_of_an_entry() -> Schema:
    """Return what an entry can be held against; null is what an entry has that has none."""
    texts: Schema = {name: or_null("string") for name in TEXTS}
    chosen: Schema = {name: one_of([*words, None]) for name, words in CHOICES.items()}
    wholes: Schema = {name: or_null("integer") for name in WHOLES}
    fields: Schema = {"type": "object", "additionalProperties": or_null("string")}
    contains = {**or_null("string"), "pattern": ASCII}
    return {**texts, **chosen, **wholes, "tls": TRUTH, "fields": fields, "head_contains": contains}
