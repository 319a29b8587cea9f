"""The OpenAPI document, compared with what the admin API accepts, refuses and answers.

A schema that passes what is refused sends its reader into a 422; one that refuses what is taken hides a feature.
"""

import base64
import dataclasses
import json
import random
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import cast, get_args

import aiohttp
import anyio.to_thread
import pytest
from jsonschema import Draft202012Validator

from services.client.admin import answers
from services.runtime.errors import PortUnavailable
from services.runtime.http import Address
from services.sites.admin.app import make_admin
from services.sites.admin.journal.query import read_query
from services.sites.admin.openapi.document import document
from services.sites.admin.responses import BadRequest
from services.sites.faults.catalog import FAULTS, Fault
from services.sites.faults.parameters import WHEN, Parameter
from services.sites.faults.plan import BadPlan, read_plan
from services.sites.settings import SitesSettings
from services.sites.site import Site
from tests.sites.admin.test_journal import BAD_EXPECTATIONS, BAD_QUERIES, FILTERS, GET, VERDICTS, visited
from tests.sites.fault_table import CASES
from tests.sites.faults.test_plan import BAD
from tests.sites.plays.test_plays import BAD as BAD_PLAYS
from tests.sites.replay.test_match import BAD as BAD_MATCHES
from tests.sites.target import KEEP, one_site, sites, target_of

Node = Mapping[str, object]
DOCUMENT = json.loads(json.dumps(document()))
SCHEMAS = DOCUMENT["components"]["schemas"]


def misfits(schema: Node, data: object) -> list[str]:
    """Return what of `data` is not as a schema of the document says."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return [f"{error.json_path}: {error.message}"[:300] for error in Draft202012Validator(whole).iter_errors(data)]


def fits(name: str, data: object) -> bool:
    """Return whether `data` is as a named schema says."""
    return not misfits({"$ref": f"#/components/schemas/{name}"}, data)


def is_plan(data: object) -> bool:
    """Return whether the site takes a plan."""
    try:
        read_plan(data)
    except BadPlan:
        return False
    return True


@pytest.mark.anyio
async def test_openapi_describes_every_route_and_no_other() -> None:
    """The document is written by hand, so a test compares it with the code."""

    async def settle() -> None:
        return

    app = make_admin(Site(SitesSettings()), settle)
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource and route.method != "HEAD"
    }
    paths = document()["paths"]
    assert isinstance(paths, Mapping)
    described = {(path, method) for path, item in paths.items() for method in item if method != "parameters"}
    assert described == routes


def test_every_schema_is_one_and_every_reference_has_one() -> None:
    """Each is valid and used."""
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    referred = {each.split('"')[0] for each in json.dumps(DOCUMENT).split("#/components/schemas/")[1:]}
    assert referred == SCHEMAS.keys()


def nodes(schema: object) -> Iterator[Node]:
    """Give every schema within a schema."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(part)


def test_nothing_is_a_bare_object() -> None:
    """Code that is generated from the document has a type for everything."""
    assert not [node for node in nodes(SCHEMAS) if node == {} or node == {"type": "object"}]


def values(parameter: Parameter) -> list[object]:
    """Return values of a parameter, on both sides of its bounds."""
    if parameter.choices:
        return [*parameter.choices, "other", 1, None]
    return [parameter.least, parameter.most, parameter.least - 1, parameter.most + 1, parameter.least + 0.5, "1", True]


def rules(fault: Fault) -> Iterator[dict[str, object]]:
    """Give rules with this fault: bare, with each parameter alone, and many with some of them."""
    given = [(each.name, value) for each in (*fault.parameters, *WHEN) for value in values(each)]
    yield {"fault": fault.name}
    chance = random.Random(fault.name)
    for name, value in given:
        needed = {each.name: each.least for each in fault.parameters if each.required and each.name != name}
        yield {"fault": fault.name, **needed, name: value}
    for _ in range(200):
        yield {"fault": fault.name, **dict(chance.sample(given, chance.randint(1, min(5, len(given)))))}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_rule_fits_its_schema_where_the_site_takes_it_and_nowhere_else(fault: Fault) -> None:
    """Which parameters there are, their bounds, and which go together: made from the site's own table."""
    taken = 0
    for rule in rules(fault):
        upside_down = fault.name == "delay" and rule.get("least_s", 0) == 3600 and rule.get("most_s") == 0
        if not upside_down:  # no schema compares two values
            assert fits("Rule", rule) is is_plan([rule]), rule
            taken += is_plan([rule])
    assert taken


def test_plans_fit_the_schema_where_the_site_takes_them_and_nowhere_else() -> None:
    """Every case of the table of faults, and every plan that is refused for what a schema can say."""
    for case in CASES.values():
        assert fits("NewPlan", {"faults": case.plan}), case.fault
    for name, (plan, _problems) in BAD.items():
        if name not in {"uniform, upside down", "not a number"}:  # nor does JSON have a word for NaN
            assert not fits("NewPlan", {"faults": plan}), name


def test_expectations_fit_the_schema_where_they_are_taken_and_nowhere_else() -> None:
    """A body without a check, or with too many, is refused by the schema too."""
    for name, (body, _failure) in VERDICTS.items():
        assert fits("Expectations", body), name
    for name, (bad, _field) in BAD_EXPECTATIONS.items():
        if name != "at least more than at most":
            assert not fits("Expectations", bad), name
    for match in ({"ended": "well"}, {"fault": "typo"}, {"head_contains": "é"}, {"tls": None}, {"status": "ok"}):
        assert not fits("Expectations", {"absent": [match]}), match


def test_plays_fit_the_schema_where_they_are_taken_and_nowhere_else() -> None:
    """Bytes that are no head are text in base64 all the same, and no schema finds the same field twice."""
    for match in (ALL_OF_A_MATCH, {}, {"path": "*"}):
        assert fits("NewPlay", {**PLAY, "match": match, "times": 1}), match
    assert fits("NewPlay", {**PLAY, "times": None})
    for name, (bad, status, field, _reason) in BAD_PLAYS.items():
        if status == 422:
            assert fits("NewPlay", bad) is (field == "response" and name.startswith(("no head", "an empty", "half"))), (
                name
            )
    for name, (bad_match, _field) in BAD_MATCHES.items():
        if name not in {"a field twice", "too many stars"}:
            assert not fits("Match", bad_match), name


def is_query(query: str) -> tuple[bool, bool]:
    """Return whether the document, and whether the site, takes a query."""
    parts = dict(each.split("=") for each in query.split("&"))
    known = {each["name"]: each["schema"] for each in DOCUMENT["paths"]["/journal"]["get"]["parameters"]}
    described = all(
        name in known and not misfits(known[name], int(text) if text.isdecimal() else text)
        for name, text in parts.items()
    )
    try:
        read_query(parts)
    except BadRequest:
        return described, False
    return described, True


QUERIES = (*FILTERS, *BAD_QUERIES, "ended=", "head_contains=é", f"since={10**17}", f"since={10**17 - 1}", "generation=")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_fits_the_document_where_the_site_takes_it_and_nowhere_else(query: str) -> None:
    """Its closed lists are closed in both."""
    described, taken = is_query(query)
    assert described is taken


ANSWERS: Mapping[str, type] = {
    "Refusal": answers.Refusal,
    "Problem": answers.Problem,
    "Plan": answers.Plan,
    "Kinds": answers.Kinds,
    "Kind": answers.Kind,
    "Parameter": answers.Parameter,
    "Journal": answers.Journal,
    "Counts": answers.Counts,
    "Entry": answers.Entry,
    "Verdict": answers.Verification,
    "Failure": answers.Failure,
    "NearMiss": answers.NearMiss,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_client_reads_no_value_that_the_document_does_not_have(name: str) -> None:
    """The client has its own dataclasses, since no service imports another; a value may be null or absent in both."""
    schema = SCHEMAS[name]
    for field in dataclasses.fields(ANSWERS[name]):
        assert field.name in schema["properties"], field.name
        assert NoneType in get_args(field.type) or field.name in schema["required"], field.name


UNAVAILABLE = "503"
MISDIRECTED, FORBIDDEN = "421", "403"
BAD_PLAN = {"faults": [{"fault": "typo"}]}
PLAY = {"response": base64.b64encode(KEEP).decode()}
ALL_OF_A_MATCH = {"method": "GET", "path": "/*", "query": {"a": "b"}, "field": {"A": "b"}}
CALLS: Sequence[tuple[str, str, object]] = (
    ("GET", "/openapi.json", None),
    ("GET", "/hosts", None),
    ("GET", "/hosts/{host}", None),
    ("GET", "/hosts/other.test", None),
    ("GET", "/fault-kinds", None),
    ("GET", "/faults", None),
    *(("PUT", "/faults/{host}", {"faults": case.plan}) for case in CASES.values()),
    *(("PUT", "/faults/{host}", {"faults": [{"fault": name, "ttl_s": 9}]}) for name in ("endless_head", "tls_stall")),
    ("PUT", "/faults/{host}", BAD_PLAN),
    ("PUT", "/faults/other.test", {"faults": []}),
    ("GET", "/faults/{host}", None),
    ("PUT", "/faults", {"faults": [{"fault": "drip"}, {"fault": "refuse", "ttl_s": 9}]}),
    ("PUT", "/faults", BAD_PLAN),
    ("GET", "/faults/other.test", None),
    ("POST", "/faults/{host}/reset", None),
    ("POST", "/faults/other.test/reset", None),
    ("DELETE", "/faults/{host}", None),
    ("DELETE", "/faults/other.test", None),
    ("POST", "/faults/reset", None),
    ("DELETE", "/faults", None),
    ("PUT", "/faults/{host}/temporary?for_s=9", {"faults": []}),
    ("PUT", "/faults/{host}/temporary?for_s=9", BAD_PLAN),
    ("PUT", "/faults/other.test/temporary?for_s=9", {"faults": []}),
    ("DELETE", "/faults/{host}/temporary?generation=1", None),
    ("DELETE", "/faults/{host}/temporary", None),
    ("DELETE", "/faults/other.test/temporary?generation=1", None),
    *(("POST", "/plays/{host}", play) for play in (PLAY, PLAY, {"response": ""}, {**PLAY, "times": 1})),
    ("POST", "/plays/other.test", {**PLAY, "match": ALL_OF_A_MATCH}),
    ("POST", "/plays/left.test", PLAY),
    ("GET", "/plays", None),
    ("GET", "/plays/{host}", None),
    ("DELETE", "/plays/{host}/{id}", None),
    ("DELETE", "/plays/{host}/{id}", None),
    ("DELETE", "/plays/{host}", None),
    ("DELETE", "/plays", None),
    *(("POST", path, None) for path in ("/checkpoints", *["/checkpoints/{id}/restore"] * 2)),
    ("GET", "/plays/other.test", None),
    ("DELETE", "/plays/other.test", None),
    ("GET", "/journal", None),
    ("GET", "/journal?method=POST", None),
    ("GET", "/journal?method=GET&ended=well", None),
    ("POST", "/journal/verify", {"expect": [{"match": GET}]}),
    ("POST", "/journal/verify", {"expect": [{"match": {"target": "/x"}}], "order": [{"target": "/x"}]}),
    ("POST", "/journal/verify", {"at_once": [{"at_most": 0}], "absent": [{}]}),
    ("POST", "/journal/verify", {"expects": []}),
    ("DELETE", "/journal?host={host}", None),
    ("DELETE", "/journal?host=other.test", None),
    ("DELETE", "/journal?method=GET", None),
    ("DELETE", "/journal", None),
)


@pytest.mark.anyio
async def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    """Each operation's answer and each of its refusals: its status is documented, and its JSON fits."""
    met = set()
    files, left_out = {"keep.test.http": KEEP, "b.test.http": KEEP}, ("left.test",)
    async with sites(files, tmp_path, journal_entries=4, without=left_out) as running:
        target = await target_of(running, "keep.test")
        await target.set_plan([{"fault": "delay", "seconds": 0.001, "first": 1}])
        await visited(target)
        await anyio.to_thread.run_sync(lambda: target.peer.ask(b"nonsense\r\n\r\n"))
        await anyio.to_thread.run_sync(lambda: target.peer.ask_then_leave(0))
        for method, path, body in CALLS:
            called = path.replace("{host}", target.host).replace("{id}", "1")
            status, answer = await target.call(method, called, body)
            described = re.sub("other.test|left.test", "{host}", path.partition("?")[0])
            where = (described, method.lower(), str(status))
            assert misfits(response_schema(*where), answer) == [], where
            met.add(where)
    elsewhere = {UNAVAILABLE, MISDIRECTED, FORBIDDEN}
    assert {each for each in documented() if each[-1] not in elsewhere} - met == set()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("Host", "evil.example", MISDIRECTED), ("Origin", "http://evil.example", FORBIDDEN)],
    ids=["another host", "another site's page"],
)
async def test_every_operation_refuses_what_is_meant_for_another_as_the_document_says(
    tmp_path: Path, field: str, value: str, expected: str
) -> None:
    """Health and metrics too; it changes nothing."""
    async with one_site(tmp_path) as target, aiohttp.ClientSession() as session:
        await target.set_plan([{"fault": "drip"}])
        before = await target.call("GET", "/faults")
        for path, method in {(path, method) for path, method, _status in documented()}:
            url = target.admin + path.replace("{host}", target.host)
            async with session.request(method, url, headers={field: value}, json={"faults": []}) as answer:
                assert str(answer.status) == expected, (path, method)
                said = await answer.json()
            assert misfits(response_schema(path, method, expected), said) == []
            assert [problem["field"] for problem in said["problems"]] == [field]
        assert await target.call("GET", "/faults") == before


@pytest.mark.anyio
async def test_a_port_that_cannot_be_opened_is_as_the_document_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each change of plans that would open it."""

    def taken(where: Address) -> socket.socket:
        raise PortUnavailable(*where, "Address already in use")

    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "refuse"}])
        monkeypatch.setattr("services.sites.listening.listeners.bind_socket", taken)
        changes = [(path, method) for path, method, status in sorted(documented()) if status == UNAVAILABLE]
        operations = [each for each in changes if each[0].startswith("/faults") and each[1] != "get"]
        for path, method in operations:
            body: object = {"faults": []} if method == "put" else None
            query = {"put": "?for_s=9", "delete": "?generation=1"}[method] if path.endswith("/temporary") else ""
            status, answer = await target.call(method, path.replace("{host}", target.host) + query, body)
            assert (str(status), misfits(response_schema(path, method, UNAVAILABLE), answer)) == (UNAVAILABLE, [])
    assert operations


@pytest.mark.anyio
async def test_a_site_that_is_busy_says_so_as_the_document_says(tmp_path: Path) -> None:
    """For each answer that may be large; nothing is changed."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        running.site.budget.answers.limit = 0
        operations = [(path, method) for path, method, status in documented() if status == UNAVAILABLE]
        large = [each for each in operations if "{" not in each[0]]
        for path, method in large:
            body: object = {"faults": []} if method == "put" else {"absent": []} if "verify" in path else None
            status, answer = await target.call(method, path, body)
            assert (str(status), answer["error"]) == (UNAVAILABLE, "busy"), path
            assert misfits(response_schema(path, method, UNAVAILABLE), answer) == []
    assert ("/journal", "get") in large


def response_schema(path: str, method: str, status: str) -> Node:
    """Return the schema of a response."""
    return cast("Node", DOCUMENT["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"])


def documented() -> set[tuple[str, str, str]]:
    """Return every response in JSON by path, method and status, but those of a body that is not JSON or too large."""
    return {
        (path, method, status)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for status, response in operation["responses"].items()
        if "application/json" in response["content"] and status not in {"400", "413"}
    }
