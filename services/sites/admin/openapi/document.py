"""The OpenAPI 3.1 document of the admin API: its routes. The JSON of requests and answers is described in `schemas`."""

from functools import cache

from services.sites.admin.faults import MAX_TEMPORARY_S
from services.sites.admin.journal.query import FILTERS, WHOLE_IN_QUERY
from services.sites.admin.openapi.schemas import schemas
from services.sites.admin.shapes import TEXT, WHOLE, Schema, reference

HOST: Schema = {"name": "host", "in": "path", "required": True, "schema": TEXT}
FOR_S: Schema = {**WHOLE, "minimum": 1, "maximum": MAX_TEMPORARY_S, "description": "how long at most, in seconds"}


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
    shut = refuses(503, "port_unavailable: the plan is in force, and a port cannot be opened yet; busy: it is not")
    busy = refuses(503, "busy: as many large answers are on their way as there is memory for")
    slow = refuses(503, "too_slow: no verdict within SITES_VERIFY_TIMEOUT_S; busy: others wait for theirs")
    changed, all_changed = one | shut, every | shut
    plan = {"requestBody": body("NewPlan")}
    host: Schema = {"parameters": [HOST]}
    missing = refuses(404, "no such host")
    document: Schema = {
        "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
    }
    return {
        "/healthz": {"get": operation("Whether the process answers", text(200, "ok"))},
        "/readyz": {
            "get": operation(
                "Whether every recording is valid, and every listener as it is to be",
                text(200, "the hosts, a line each") | text(503, "the file or the port that is wrong, and the reason"),
            )
        },
        "/metrics": {"get": operation("Metrics for Prometheus", text(200, "text exposition format"))},
        "/openapi.json": {"get": operation("This document", document)},
        "/hosts": {"get": operation("The names of the hosts that are played now", returns("Hosts"))},
        "/hosts/{host}": {
            **host,
            "get": operation("The head of its own recording", returns("HostHead") | missing | busy),
        },
        "/fault-kinds": {"get": operation("Every fault, its parameters and its exact bytes", returns("Kinds"))},
        "/faults": {
            "get": operation("The plan of every host", every | busy),
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
        "/faults/{host}/temporary": {
            **host,
            "put": operation(
                "Put a plan in force for a while; then the plan before it is in force again, with all that it has seen",
                changed | missing | bad("bad_plan, bad_query"),
                parameters=[query("for_s", FOR_S, required=True)],
                **plan,
            ),
            "delete": operation(
                "End a temporary plan before its time, unless another plan has been set since",
                changed | missing | refuses(422, "bad_query"),
                parameters=[query("generation", WHOLE_IN_QUERY, required=True)],
            ),
        },
        **play_paths(host, missing, busy),
        "/journal": {
            "get": operation(
                "The newest entries that meet every filter, oldest first; without those dropped meanwhile",
                returns("Journal") | refuses(422, "bad_query") | busy,
                parameters=[query(name, each.schema) for name, each in FILTERS.items()],
            ),
            "delete": operation(
                "Begin the journal anew, of one host or of all",
                returns("Counts") | missing | refuses(422, "bad_query"),
                parameters=[query("host", {**TEXT, "description": "only its entries; the others keep their numbers"})],
            ),
        },
        "/journal/verify": {
            "post": operation(
                "Hold the journal against what is expected",
                returns("Verdict") | returns("Verdict", 409) | bad("bad_expectation") | slow,
                requestBody=body("Expectations"),
            )
        },
    }


def play_paths(host: Schema, missing: Schema, busy: Schema) -> Schema:
    """Return the routes of plays. `host`: the parameter."""
    port = refuses(503, "port_unavailable: a port of the host cannot be opened or closed yet")
    new = (
        bad("bad_play")
        | refuses(413, "no_room: as many plays, or bytes, as the site takes; or over 1 MiB of JSON, or 8 MiB")
        | port
    )
    added = returns("AddedPlay", 201) | refuses(404, "this site takes no other hosts") | new
    left, all_left = returns("HostResponses") | missing | port, returns("AllResponses") | busy
    return {
        "/plays": {
            "get": operation("What every host answers with", all_left),
            "delete": operation("No plays, for every host; recordings with `times` begin anew", all_left),
        },
        "/plays/{host}": {
            **host,
            "get": operation("What a host answers with, in the order of trying", returns("HostResponses") | missing),
            "post": operation(
                "Add a response to a host, before all that it has; a host that is not there comes to be",
                added | refuses(409, "play_conflict: another without `times` has the same match"),
                parameters=[
                    query("match", {**TEXT, "description": "of a response that is sent as it is: JSON, as in NewPlay"}),
                    query("times", {**WHOLE, "minimum": 1, "description": "of such a response; without it: always"}),
                ],
                requestBody={
                    "required": True,
                    "content": content("NewPlay") | {"application/http": {"schema": {"description": "up to 8 MiB"}}},
                },
            ),
            "delete": operation("No plays; recordings with `times` begin anew", left),
        },
        "/checkpoints": {
            "post": operation(
                "Take a checkpoint: the plans and plays of every host, with what they have counted",
                returns("Checkpoint", 201) | refuses(413, "no_room: no memory for the bytes of all plays once more"),
            )
        },
        "/checkpoints/{id}/restore": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
            "post": operation(
                "Put a checkpoint back, and forget it; the newest 16 are there",
                returns("Checkpoint") | refuses(404, "unknown_checkpoint") | port,
            ),
        },
        "/plays/{host}/{id}": {
            "parameters": [HOST, {"name": "id", "in": "path", "required": True, "schema": TEXT}],
            "delete": operation("Remove a play; with its last one, a host that is not recorded goes", left),
        },
    }


def operation(summary: str, responses: Schema, **more: object) -> Schema:
    """Return an operation. All refuse requests for another server, and requests from a page of another site."""
    refused = refuses(403, "Origin or Sec-Fetch-Site: a page of another site") | refuses(421, "Host: not of this site")
    return {"summary": summary, "responses": responses | refused, **more}


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


def query(name: str, schema: object, *, required: bool = False) -> Schema:
    """Return a query parameter."""
    return {"name": name, "in": "query", "required": required, "schema": schema}
