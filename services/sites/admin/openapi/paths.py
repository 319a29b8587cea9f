"""The routes of the admin API as the OpenAPI document describes them, by what they are about."""

from services.sites.admin.faults import MAX_TEMPORARY_S
from services.sites.admin.journal.query import FILTERS, WHOLE_IN_QUERY
from services.sites.admin.openapi.operations import bad, body, content, operation, query, refuses, returns, text
from services.sites.admin.shapes import TEXT, WHOLE, Schema

HOST: Schema = {"name": "host", "in": "path", "required": True, "schema": TEXT}
OF_HOST: Schema = {"parameters": [HOST]}
ID: Schema = {"name": "id", "in": "path", "required": True, "schema": TEXT}
FOR_S: Schema = {**WHOLE, "minimum": 1, "maximum": MAX_TEMPORARY_S, "description": "how long at most, in seconds"}

# Refusals of several routes
MISSING = refuses(404, "no such host")
BUSY = refuses(503, "busy: as many large answers are on their way as there is memory for")
PORT = refuses(503, "port_unavailable: a port of the host cannot be opened or closed yet")


def site_paths() -> Schema:
    """Return the routes about the site itself, and its hosts."""
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
            **OF_HOST,
            "get": operation("The head of its own recording", returns("HostHead") | MISSING | BUSY),
        },
        "/fault-kinds": {"get": operation("Every fault, its parameters and its exact bytes", returns("Kinds"))},
    }


def fault_paths() -> Schema:
    """Return the routes of plans, temporary ones included."""
    one, every = returns("Plan"), returns("Plans")
    shut = refuses(503, "port_unavailable: the plan is in force, and a port cannot be opened yet; busy: it is not")
    changed, all_changed = one | shut, every | shut
    plan = {"requestBody": body("NewPlan")}
    return {
        "/faults": {
            "get": operation("The plan of every host", every | BUSY),
            "put": operation("Put one plan in force for every host", all_changed | bad("bad_plan"), **plan),
            "delete": operation("No faults, for every host", all_changed),
        },
        "/faults/reset": {"post": operation("The sidecars' plans again", all_changed)},
        "/faults/{host}": {
            **OF_HOST,
            "get": operation("The plan of a host", one | MISSING),
            "put": operation("Put a plan in force", changed | MISSING | bad("bad_plan"), **plan),
            "delete": operation("No faults", changed | MISSING),
        },
        "/faults/{host}/reset": {**OF_HOST, "post": operation("The sidecar's plan again", changed | MISSING)},
        "/faults/{host}/temporary": {
            **OF_HOST,
            "put": operation(
                "Put a plan in force for a while; then the plan before it is in force again, with all that it has seen",
                changed | MISSING | bad("bad_plan, bad_query"),
                parameters=[query("for_s", FOR_S, required=True)],
                **plan,
            ),
            "delete": operation(
                "End a temporary plan before its time, unless another plan has been set since",
                changed | MISSING | refuses(422, "bad_query"),
                parameters=[query("generation", WHOLE_IN_QUERY, required=True)],
            ),
        },
    }


def play_paths() -> Schema:
    """Return the routes of plays."""
    left, all_left = returns("HostResponses") | MISSING | PORT, returns("AllResponses") | BUSY
    return {
        "/plays": {
            "get": operation("What every host answers with", all_left),
            "delete": operation("No plays, for every host; recordings with `times` begin anew", all_left),
        },
        "/plays/{host}": {
            **OF_HOST,
            "get": operation("What a host answers with, in the order of trying", returns("HostResponses") | MISSING),
            "post": new_play(),
            "delete": operation("No plays; recordings with `times` begin anew", left),
        },
        "/plays/{host}/{id}": {
            "parameters": [HOST, ID],
            "delete": operation("Remove a play; with its last one, a host that is not recorded goes", left),
        },
    }


def new_play() -> Schema:
    """Return the operation that adds a play."""
    return operation(
        "Add a response to a host, before all that it has; a host that is not there comes to be",
        returns("AddedPlay", 201)
        | refuses(404, "this site takes no other hosts")
        | bad("bad_play")
        | refuses(413, "no_room: as many plays, or bytes, as the site takes; or over 1 MiB of JSON, or 8 MiB")
        | PORT
        | refuses(409, "play_conflict: another without `times` has the same match"),
        parameters=[
            query("match", {**TEXT, "description": "of a response that is sent as it is: JSON, as in NewPlay"}),
            query("times", {**WHOLE, "minimum": 1, "description": "of such a response; without it: always"}),
        ],
        requestBody={
            "required": True,
            "content": content("NewPlay") | {"application/http": {"schema": {"description": "up to 8 MiB"}}},
        },
    )


def checkpoint_paths() -> Schema:
    """Return the routes of checkpoints."""
    return {
        "/checkpoints": {
            "post": operation(
                "Take a checkpoint: the plans and plays of every host, with what they have counted",
                returns("Checkpoint", 201) | refuses(413, "no_room: no memory for the bytes of all plays once more"),
            )
        },
        "/checkpoints/{id}/restore": {
            "parameters": [ID],
            "post": operation(
                "Put a checkpoint back, and forget it; the newest 16 are there",
                returns("Checkpoint") | refuses(404, "unknown_checkpoint") | PORT,
            ),
        },
    }


def journal_paths() -> Schema:
    """Return the routes of the journal."""
    slow = refuses(503, "too_slow: no verdict within SITES_VERIFY_TIMEOUT_S; busy: others wait for theirs")
    return {
        "/journal": {
            "get": operation(
                "The newest entries that meet every filter, oldest first; without those dropped meanwhile",
                returns("Journal") | refuses(422, "bad_query") | BUSY,
                parameters=[query(name, each.schema) for name, each in FILTERS.items()],
            ),
            "delete": operation(
                "Begin the journal anew, of one host or of all",
                returns("Counts") | MISSING | refuses(422, "bad_query"),
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
