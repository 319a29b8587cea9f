"""The OpenAPI 3.1 document of the admin API. The schemas of faults are made from their table."""

from functools import cache

from services.sites.admin.criteria import TEXTS, WHOLES
from services.sites.faults.kinds import FAULTS, WHEN, Fault, Parameter
from services.sites.journal import ENDS

Schema = dict[str, object]

TYPES = {int: "integer", float: "number", str: "string"}
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": ["number", "null"], "description": "seconds of the site's monotonic clock"}


@cache
def document() -> Schema:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "asynclab: the admin side of a recorded site",
            "version": "1",
            "description": "Faults, journal and health. Every connection accepted after an answer obeys the new plan.",
        },
        "paths": paths(),
        "components": {"schemas": schemas()},
    }


def paths() -> Schema:
    """Return every route."""
    one, every = returns("Plan"), returns("Plans")
    shut = refuses(503, "the plan is in force, and a port cannot be opened yet")
    changed, all_changed = one | shut, every | shut
    plan = {"requestBody": body("NewPlan")}
    host = {"parameters": [{"name": "host", "in": "path", "required": True, "schema": TEXT}]}
    missing = refuses(404, "no such host")
    return {
        "/healthz": {"get": operation("Whether the process answers", text(200, "ok"))},
        "/readyz": {
            "get": operation(
                "Whether every recording is valid, and every door as it is to be",
                text(200, "the hosts, a line each") | text(503, "the file or the port that is wrong, and the reason"),
            )
        },
        "/metrics": {"get": operation("Metrics for Prometheus", text(200, "text exposition format"))},
        "/openapi.json": {"get": operation("This document", {"200": {"description": "OpenAPI 3.1"}})},
        "/fault-kinds": {"get": operation("Every fault, its parameters and its exact bytes", returns("Kinds"))},
        "/faults": {
            "get": operation("The plan of every host", every),
            "put": operation("Put one plan in force for every host", all_changed | bad("bad_plan"), **plan),
            "delete": operation("No faults, for every host", all_changed),
        },
        "/faults/reset": {"post": operation("The sidecars' plans again", all_changed)},
        "/faults/{host}": {
            **host,
            "get": operation("The plan of a host", one | missing),
            "put": operation("Put a plan in force", changed | missing | bad("bad_plan"), **plan),
            "delete": operation("No faults", changed | missing),
        },
        "/faults/{host}/reset": {**host, "post": operation("The sidecar's plan again", changed | missing)},
        "/journal": {
            "get": operation(
                "The newest entries that meet every filter, oldest first",
                returns("Journal") | refuses(422, "bad_query"),
                parameters=[query(*each) for each in filters()],
            ),
            "delete": operation("Begin the journal anew", returns("Counts")),
        },
        "/journal/verify": {
            "post": operation(
                "Hold the journal against what is expected",
                returns("Verdict") | returns("Verdict", 409) | bad("bad_expectation"),
                requestBody=body("Expectations"),
            )
        },
    }


def operation(summary: str, responses: Schema, **more: object) -> Schema:
    """Return an operation."""
    return {"summary": summary, "responses": responses, **more}


def reference(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def content(name: str) -> Schema:
    """Return JSON content of a schema."""
    return {"application/json": {"schema": reference(name)}}


def returns(name: str, status: int = 200) -> Schema:
    """Return a response of a schema."""
    return {str(status): {"description": name, "content": content(name)}}


def text(status: int, description: str) -> Schema:
    """Return a response that is plain text."""
    return {str(status): {"description": description, "content": {"text/plain": {"schema": TEXT}}}}


def refuses(status: int, description: str) -> Schema:
    """Return a refusal."""
    return {str(status): {"description": description, "content": content("Refusal")}}


def bad(description: str) -> Schema:
    """Return the refusals of a body: not JSON, too large, not as documented."""
    return refuses(400, "not_json") | refuses(413, "over 1 MiB") | refuses(422, description)


def body(name: str) -> Schema:
    """Return a request body of a schema."""
    return {"required": True, "content": content(name)}


def query(name: str, schema: Schema) -> Schema:
    """Return a query parameter."""
    return {"name": name, "in": "query", "schema": schema}


def filters() -> list[tuple[str, Schema]]:
    """Return the filters of GET /journal."""
    named: list[tuple[str, Schema]] = [(name, TEXT) for name in TEXTS] + [(name, WHOLE) for name in WHOLES]
    rest: list[tuple[str, Schema]] = [
        ("tls", {"enum": ["true", "false"]}),
        ("since", {**WHOLE, "description": "only entries after this one"}),
        ("limit", {**WHOLE, "maximum": 1000, "default": 100}),
    ]
    return named + rest


def array(items: Schema) -> Schema:
    """Return a list of a schema."""
    return {"type": "array", "items": items}


def table(properties: Schema, *, required: tuple[str, ...] | None = None, closed: bool = False) -> Schema:
    """Return an object; `required` None: all of its properties."""
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names} | (
        {"additionalProperties": False} if closed else {}
    )


def schemas() -> Schema:
    """Return every schema."""
    plan = {"host": TEXT, "generation": WHOLE, "source": {"enum": ["sidecar", "admin"]}, "faults": array({})}
    counts: Schema = {"total": WHOLE, "kept": WHOLE, "dropped": WHOLE}
    problem = table({"field": TEXT, "reason": TEXT})
    failure = table(
        {"check": TEXT, "expected": TEXT, "found": WHOLE, "reason": TEXT, "nearest": array({"type": "object"})},
        required=("check", "expected", "found", "nearest"),
    )
    return {
        "Refusal": table({"error": TEXT, "problems": array(problem)}),
        "Rule": {"oneOf": [rule(fault) for fault in FAULTS.values()]},
        "NewPlan": table({"faults": array(reference("Rule"))}, closed=True),
        "Plan": table(plan),
        "Plans": table({"generation": WHOLE, "hosts": array(reference("Plan"))}),
        "Kinds": table({"faults": array({"type": "object"}), "when": array({"type": "object"})}),
        "Entry": table(entry()),
        "Counts": table(counts),
        "Journal": table({**counts, "entries": array(reference("Entry"))}),
        "Criteria": table(criteria(), required=(), closed=True),
        "Expectations": expectations(),
        "Verdict": table(
            {"verified": {"type": "boolean"}, "considered": WHOLE, "dropped": WHOLE, "failures": array(failure)}
        ),
    }


def rule(fault: Fault) -> Schema:
    """Return the schema of a rule with this fault."""
    properties: Schema = {"fault": {"const": fault.name}}
    properties |= {each.name: parameter(each) for each in (*fault.parameters, *WHEN)}
    required = [each.name for each in fault.parameters if each.default is None and not each.optional]
    described = table(properties, required=("fault", *required), closed=True)
    return {"title": fault.name, "description": fault.oracle, **described}


def parameter(each: Parameter) -> Schema:
    """Return the schema of a parameter."""
    schema: Schema = {"type": TYPES[each.type], "description": each.meaning}
    schema |= {"enum": list(each.choices)} if each.choices else {"minimum": each.least, "maximum": each.most}
    return schema if each.default is None else {**schema, "default": each.default}


def entry() -> Schema:
    """Return the schema of a journal entry."""
    return {
        "entry": {**WHOLE, "description": "from 1, in the order of arrival"},
        "connection": WHOLE,
        "exchange": {**WHOLE, "description": "within the connection, from 1; 0: no whole request came"},
        "peer": TEXT,
        "tls": {"type": "boolean"},
        "host": TEXT,
        "method": {"type": ["string", "null"]},
        "target": {"type": ["string", "null"]},
        "request_head": {"type": "string", "description": "every byte, as Latin-1"},
        "status": {"type": ["integer", "null"]},
        "recording_sha256": {"type": ["string", "null"]},
        "fault": {"type": ["string", "null"]},
        "generation": {"type": ["integer", "null"], "description": "of the plan that struck"},
        "sent_bytes": WHOLE,
        "ended": {"enum": [*ENDS, None], "description": "null: it has not"},
        "accepted_s": TIME,
        "received_s": TIME,
        "ended_s": TIME,
    }


def criteria() -> Schema:
    """Return the criteria that an entry can be held against."""
    texts: Schema = {name: {"type": ["string", "null"]} for name in TEXTS}
    wholes: Schema = {name: {"type": ["integer", "null"]} for name in WHOLES}
    fields = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    return {**texts, **wholes, "tls": {"type": "boolean"}, "fields": fields}


def expectations() -> Schema:
    """Return what POST /journal/verify takes."""
    one = reference("Criteria")
    expected = table({"match": one, "count": WHOLE, "at_least": WHOLE, "at_most": WHOLE}, required=(), closed=True)
    return table(
        {"since": WHOLE, "expect": array(expected), "order": array(one), "absent": array(one)}, required=(), closed=True
    )
