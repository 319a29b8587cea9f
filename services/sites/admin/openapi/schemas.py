"""Every schema of the admin API, made from the tables with which requests are checked: faults, parameters, criteria.

The site refuses every request that a schema refuses. It also refuses what no schema can describe: an offset beyond the
head of this host, a fault that needs the host's own port, a lower bound above the upper one.
"""

from services.sites.admin import new_play
from services.sites.admin.journal import expectations
from services.sites.admin.journal.verification import SHOWN_HEAD_BYTES
from services.sites.admin.shapes import NUMBER, TEXT, TRUTH, WHOLE, Schema, array, one_of, or_null, reference, table
from services.sites.faults.catalog import FAULTS, Fault, Stage
from services.sites.faults.parameters import DISTRIBUTIONS
from services.sites.faults.plan import MAX_RULES
from services.sites.journal import ENDS

TIME: Schema = {**NUMBER, "description": "seconds of the site's monotonic clock"}


def schemas() -> Schema:
    """Return every schema by its name."""
    parts = (plans(), kinds(), journal(), verifications(), expectations.schemas(), plays(), checkpoints(), refusals())
    return {name: schema for part in parts for name, schema in part.items()}


def refusals() -> Schema:
    """Return the schemas of a refusal: a word for programs, and for a person what is wrong."""
    return {
        "Problem": table({"field": TEXT, "reason": TEXT}),
        "Refusal": table({"error": TEXT, "problems": array(reference("Problem"))}),
    }


def plans() -> Schema:
    """Return the schemas of plans, as they are set and as they are shown."""
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
    required = ("fault", *(each.name for each in fault.parameters if each.required))
    description = fault.bytes_sent + ("; needs the host's own port" if fault.needs_own_port else "")
    schema = table(properties(fault), required=required)
    return {"title": fault.name, "description": description, **schema, **variants(fault)}


def rule_in_force(fault: Fault) -> Schema:
    """Return the schema of a rule with this fault as a plan shows it: with defaults filled in, and its counters."""
    state: Schema = {
        "seen": {**WHOLE, "description": "how many it was asked about"},
        "fired": {**WHOLE, "description": "how many got its fault"},
        "remaining_s": {**or_null("number"), "description": "null: no time to live"},
    }
    drawn = () if fault.stage is Stage.LISTEN else ("seed", "per")
    required = ("fault", *(each.name for each in fault.parameters if not each.optional), *drawn, *state)
    return {"title": fault.name, **table(properties(fault) | state, required=required), **variants(fault)}


def properties(fault: Fault) -> Schema:
    """Return the properties of a rule with this fault."""
    parameters = {each.name: each.schema for each in (*fault.parameters, *fault.when)}
    return {"fault": {"const": fault.name}, **parameters}


def variants(fault: Fault) -> Schema:
    """Return, for a delay, which parameters go with which distribution."""
    if fault.name != "delay":
        return {}
    every = [name for needed in DISTRIBUTIONS.values() for name in needed]
    usual = fault.defaults["distribution"]
    return {
        "oneOf": [
            {
                "properties": {"distribution": {"const": name}} | {each: False for each in every if each not in needed},
                "required": [*needed, *(() if name == usual else ("distribution",))],
            }
            for name, needed in DISTRIBUTIONS.items()
        ]
    }


def kinds() -> Schema:
    """Return the schemas of GET /fault-kinds."""
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


def plays() -> Schema:
    """Return the schemas of plays, as they are added and as they are shown with what is recorded."""
    candidate: Schema = {
        "match": reference("Match"),
        "times": {**or_null("integer"), "description": "null: always"},
        "left": {**or_null("integer"), "description": "how often it still answers"},
        "status": WHOLE,
        "head_bytes": WHOLE,
        "body_bytes": WHOLE,
        "sha256": TEXT,
    }
    play = {"id": WHOLE, **candidate}
    shown = {"host": TEXT, "plays": array(reference("Play")), "recordings": array(reference("Recorded"))}
    return {
        **new_play.schemas(),
        "Play": table(play),
        "AddedPlay": table({"host": TEXT, **play}),
        "Recorded": table({"name": TEXT, **candidate}),
        "HostResponses": table(shown),
        "HostHead": table({"host": TEXT, "status": WHOLE, "head": {**TEXT, "description": "every byte, as Latin-1"}}),
        "AllResponses": table({"hosts": array(reference("HostResponses"))}),
    }


def entry() -> Schema:
    """Return the properties of an entry."""
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
        "body_bytes": {**WHOLE, "description": "of its content, without the chunked coding"},
        "body_sha256": {**or_null("string"), "pattern": "^[0-9a-f]{64}$", "description": "null: no body"},
        "status": or_null("integer"),
        "response": {**or_null("string"), "description": "the recording's file or the play; null: the lab's own"},
        "recording_sha256": {**or_null("string"), "pattern": "^[0-9a-f]{64}$"},
        "fault": one_of([*FAULTS, None]),
        "generation": {**or_null("integer"), "description": "of the plan that its fault is from"},
        "sent_bytes": WHOLE,
        "ended": {**one_of([*ENDS, None]), "description": "null: it has not"},
        "accepted_s": TIME,
        "received_s": TIME,
        "ended_s": {**TIME, **or_null("number")},
    }


def journal() -> Schema:
    """Return the schemas of the journal: kept + dropped = total."""
    counts: Schema = {"total": WHOLE, "kept": WHOLE, "dropped": WHOLE}
    return {
        "Entry": table(entry()),
        "Hosts": table({"hosts": array(TEXT)}),
        "Counts": table(counts),
        "Journal": table({**counts, "entries": array(reference("Entry")), "clock": reference("Clock")}),
        "Clock": {
            **table({"monotonic_s": NUMBER, "unix_s": NUMBER}),
            "description": "both clocks at one moment, so that times of entries can be told as dates",
        },
    }


def checkpoints() -> Schema:
    """Return the schema of a checkpoint."""
    entry: Schema = {**WHOLE, "description": "the journal's last entry when it was taken"}
    return {"Checkpoint": table({"checkpoint": WHOLE, "entry": entry, "hosts": array(TEXT)})}


def verifications() -> Schema:
    """Return the schemas of the answer to expectations."""
    failure = {"check": TEXT, "expected": TEXT, "found": WHOLE, "nearest": array(reference("NearMiss"))}
    met: Schema = {
        "met": {
            **array(reference("NearMiss")),
            "description": "of too few: the last that meet the check; of an order: what met the steps before",
        }
    }
    reason: Schema = {"reason": {**TEXT, "description": "why it cannot be known whether it holds, or what is left out"}}
    shown: Schema = {**TEXT, "description": f"its first {SHOWN_HEAD_BYTES:,} bytes, as Latin-1"}
    misses = {**array(TEXT), "description": "the criteria that it does not meet, each with what it has instead"}
    properties = {"verified": TRUTH, "considered": WHOLE, "dropped": WHOLE, "failures": array(reference("Failure"))}
    return {
        "NearMiss": table({**entry(), "request_head": shown, "misses": misses}),
        "Failure": table({**failure, **met, **reason}, required=failure),
        "Verdict": table(properties),
    }
