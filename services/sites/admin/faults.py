"""Plans over HTTP. A plan is taken whole or refused whole, and is in force for whoever connects after the answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from aiohttp import web

from services.sites.admin.bounds import SITE, encoded, stream
from services.sites.admin.journal import DIGITS
from services.sites.admin.responses import Unfit, answer, host_of, read_json
from services.sites.faults.catalog import FAULTS, NOTES, WHEN, Fault, Parameter
from services.sites.faults.plan import BadPlan, Problem, Rule, misplaced, read_plan
from services.sites.site import Host, Site

MOST_TEMPORARY_S = 3_600

Settle = Callable[[], Awaitable[None]]
SETTLE: web.AppKey[Settle] = web.AppKey("SETTLE")


def as_json(host: Host) -> dict[str, object]:
    """Return a host's plan as it is now."""
    return {"host": host.name, **host.latest.as_json(monotonic())}


async def all_plans(request: web.Request) -> web.StreamResponse:
    """Return the plan of every host, as a stream."""
    return await stream(request, written(request.app[SITE]))


async def written(site: Site) -> AsyncIterator[bytes]:
    """Give every host's plan in pieces, as it is when it is its turn; hosts that have gone meanwhile are left out.

    The generation comes last: no plan that was written is newer.
    """
    yield b'{"hosts": ['
    separator = b""
    for name in list(site.hosts):
        if host := site.hosts.get(name):
            yield separator + encoded(as_json(host))
            separator = b", "
    yield b'], "generation": %d}' % site.generation


async def plan_of(request: web.Request) -> web.Response:
    """Return the plan of one host."""
    return answer(as_json(host_of(request)))


async def set_plan(request: web.Request) -> web.Response:
    """Put a plan in force."""
    plan, host = await plan_and_host(request)
    request.app[SITE].set_plan(host.name, plan)
    return await settled(request, as_json(host))


async def set_all(request: web.Request) -> web.StreamResponse:
    """Put the same plan in force for every host, or for none of them."""
    site = request.app[SITE]
    plan = read_plan(rules_in(await read_json(request)))

    def change() -> None:
        check_all(site, plan)
        for name in site.hosts:
            site.set_plan(name, plan)

    return await stream(request, changed(request, change))


def check_all(site: Site, plan: tuple[Rule, ...]) -> None:
    """Raise BadPlan where a plan does not fit some host."""
    for host in site.hosts.values():
        if problems := misplaced(plan, head_bytes=len(host.recording.head), shared=site.shared):
            raise BadPlan([Problem(each.field, f"{each.reason} ({host.name})") for each in problems])


async def clear(request: web.Request) -> web.Response:
    """Take the plan of one host out of force."""
    host = host_of(request)
    request.app[SITE].set_plan(host.name, ())
    return await settled(request, as_json(host))


async def clear_all(request: web.Request) -> web.StreamResponse:
    """Take every plan out of force."""
    site = request.app[SITE]

    def change() -> None:
        for name in site.hosts:
            site.set_plan(name, ())

    return await stream(request, changed(request, change))


async def reset(request: web.Request) -> web.Response:
    """Put the plan of one host's sidecar in force again."""
    host = host_of(request)
    request.app[SITE].reset_plan(host.name)
    return await settled(request, as_json(host))


async def reset_all(request: web.Request) -> web.StreamResponse:
    """Put the sidecars' plans in force again."""
    site = request.app[SITE]

    def change() -> None:
        for name in site.hosts:
            site.reset_plan(name)

    return await stream(request, changed(request, change))


async def changed(request: web.Request, change: Callable[[], None]) -> AsyncIterator[bytes]:
    """Change plans, and give all of them; the change comes after the answer has its room, or it would be in vain."""
    change()
    await request.app[SETTLE]()
    async for piece in written(request.app[SITE]):
        yield piece


async def set_temporary(request: web.Request) -> web.Response:
    """Put a plan in force for a while."""
    host_of(request)  # an unknown one is refused before its query is judged
    for_s = whole_in_query(request, "for_s", least=1, most=MOST_TEMPORARY_S)
    plan, host = await plan_and_host(request)
    request.app[SITE].set_temporary_plan(host.name, plan, for_s=for_s)
    return await settled(request, as_json(host))


async def end_temporary(request: web.Request) -> web.Response:
    """Put the plan before a temporary one in force again."""
    host = host_of(request)
    generation = whole_in_query(request, "generation", least=0, most=10**DIGITS - 1)
    request.app[SITE].end_temporary_plan(host.name, generation)
    return await settled(request, as_json(host))


def whole_in_query(request: web.Request, name: str, *, least: int, most: int) -> int:
    """Return the one number that a query has to have. Raises Unfit (422) for any other query."""
    text = request.query.get(name, "")
    alone = list(request.query.items()) == [(name, text)]
    if alone and text.isascii() and text.isdigit() and len(text) <= DIGITS and least <= int(text) <= most:
        return int(text)
    raise Unfit(422, "bad_query", [Problem(name, f"a query is {name}=N, N a whole number from {least} to {most:,}")])


async def kinds(_request: web.Request) -> web.Response:
    """Return every fault there is, its parameters and its exact bytes."""
    faults, when = [kind_json(fault) for fault in FAULTS.values()], [*map(parameter_json, WHEN)]
    return answer({"faults": faults, "when": when, "notes": NOTES})


def kind_json(fault: Fault) -> dict[str, object]:
    """Describe a fault."""
    return {
        "fault": fault.name,
        "counts": fault.stage.value,
        "bytes": fault.oracle,
        "needs_own_port": fault.needs_own_port,
        "parameters": [parameter_json(each) for each in fault.parameters],
        "when": [parameter_json(each) for each in fault.when],
    }


def parameter_json(parameter: Parameter) -> dict[str, object]:
    """Describe a parameter."""
    described: dict[str, object] = {
        "name": parameter.name,
        "type": parameter.json_type,
        "meaning": parameter.meaning,
        "required": parameter.required,
    }
    if parameter.choices:
        described["choices"] = parameter.choices
    else:
        described |= {"least": parameter.least, "most": parameter.most}
    return described if parameter.default is None else {**described, "default": parameter.default}


async def plan_and_host(request: web.Request) -> tuple[tuple[Rule, ...], Host]:
    """Return the plan in a request's body, and the host that it is for, as it is once the body is there.

    Recordings come and go while a body is on its way. Raises Unfit or BadPlan.
    """
    host_of(request)  # an unknown one is refused before its body is read
    plan = read_plan(rules_in(await read_json(request)))
    return plan, host_of(request)


def rules_in(body: object) -> object:
    """Return the rules in a body: `{"faults": [...]}`, and nothing else in it."""
    if not isinstance(body, dict) or body.keys() != {"faults"}:
        raise Unfit(422, "bad_plan", [Problem("body", 'is not {"faults": [...]}')])
    return body["faults"]


async def settled(request: web.Request, state: dict[str, object]) -> web.Response:
    """Answer once the listening sockets are as the plans say."""
    await request.app[SETTLE]()
    return answer(state)
