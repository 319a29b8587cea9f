"""Plans over HTTP. A plan is accepted or refused as a whole. It is in force for all connections after the answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from aiohttp import web

from services.sites.admin.bounds import SITE, stream
from services.sites.admin.journal.query import DIGITS, read_single
from services.sites.admin.responses import BadRequest, host_of, host_pieces, json_response, read_json
from services.sites.faults.catalog import FAULTS, NOTES, Fault
from services.sites.faults.parameters import WHEN
from services.sites.faults.plan import BadPlan, Problem, Rule, misplaced, read_plan
from services.sites.host import Host
from services.sites.site import Site

MAX_TEMPORARY_S = 3_600

Reconcile = Callable[[], Awaitable[None]]
"""Opens and closes the listening sockets as the plans say, and saves the plans."""
RECONCILE: web.AppKey[Reconcile] = web.AppKey("RECONCILE")


def plan_json(host: Host) -> dict[str, object]:
    """Return a host's plan as it is now."""
    return {"host": host.name, **host.latest.as_json(monotonic())}


async def all_plans(request: web.Request) -> web.StreamResponse:
    """Return the plan of every host, as a stream."""
    return await stream(request, plan_pieces(request.app[SITE]))


async def plan_pieces(site: Site) -> AsyncIterator[bytes]:
    """Yield the plan of every host. The generation comes last, so that no plan in the answer has a greater one."""
    for piece in host_pieces(site, plan_json):
        yield piece
    yield b', "generation": %d}' % site.generation


async def plan_of(request: web.Request) -> web.Response:
    """Return the plan of one host."""
    return json_response(plan_json(host_of(request)))


async def set_plan(request: web.Request) -> web.Response:
    """Put a plan in force."""
    plan, host = await plan_and_host(request)
    request.app[SITE].set_plan(host.name, plan)
    return await reconciled(request, plan_json(host))


async def set_all(request: web.Request) -> web.StreamResponse:
    """Put the same plan in force for every host, or for none of them."""
    site = request.app[SITE]
    plan = read_plan(rules_in(await read_json(request)))

    def change() -> None:
        check_all(site, plan)
        for name in site.hosts:
            site.set_plan(name, plan)

    return await stream(request, change_and_show(request, change))


def check_all(site: Site, plan: tuple[Rule, ...]) -> None:
    """Raise BadPlan if a plan does not fit one of the hosts."""
    for host in site.hosts.values():
        if problems := misplaced(plan, head_bytes=host.longest_head_bytes, shared=site.shared):
            raise BadPlan([Problem(each.field, f"{each.reason} ({host.name})") for each in problems])


async def clear(request: web.Request) -> web.Response:
    """Put no faults in force for one host."""
    host = host_of(request)
    request.app[SITE].set_plan(host.name, ())
    return await reconciled(request, plan_json(host))


async def clear_all(request: web.Request) -> web.StreamResponse:
    """Put no faults in force for every host."""
    site = request.app[SITE]

    def change() -> None:
        for name in site.hosts:
            site.set_plan(name, ())

    return await stream(request, change_and_show(request, change))


async def reset(request: web.Request) -> web.Response:
    """Put the plan of one host's sidecar in force again."""
    host = host_of(request)
    request.app[SITE].reset_plan(host.name)
    return await reconciled(request, plan_json(host))


async def reset_all(request: web.Request) -> web.StreamResponse:
    """Put the sidecars' plans in force again."""
    site = request.app[SITE]

    def change() -> None:
        for name in site.hosts:
            site.reset_plan(name)

    return await stream(request, change_and_show(request, change))


async def change_and_show(request: web.Request, change: Callable[[], None]) -> AsyncIterator[bytes]:
    """Change plans, and yield all of them. It runs in the stream: without memory for that, nothing is changed."""
    change()
    await request.app[RECONCILE]()
    async for piece in plan_pieces(request.app[SITE]):
        yield piece


async def set_temporary(request: web.Request) -> web.Response:
    """Put a plan in force for some time."""
    host_of(request)  # an unknown host is refused before its query is read
    for_s = read_single(request, "for_s", least=1, most=MAX_TEMPORARY_S)
    plan, host = await plan_and_host(request)
    request.app[SITE].set_temporary_plan(host.name, plan, for_s=for_s)
    return await reconciled(request, plan_json(host))


async def end_temporary(request: web.Request) -> web.Response:
    """Put the plan before a temporary one in force again."""
    host = host_of(request)
    generation = read_single(request, "generation", least=0, most=10**DIGITS - 1)
    request.app[SITE].end_temporary_plan(host.name, generation)
    return await reconciled(request, plan_json(host))


async def kinds(_request: web.Request) -> web.Response:
    """Return every fault, with its parameters and its exact bytes."""
    faults, when = [kind_json(fault) for fault in FAULTS.values()], [each.as_json() for each in WHEN]
    return json_response({"faults": faults, "when": when, "notes": NOTES})


def kind_json(fault: Fault) -> dict[str, object]:
    """Describe a fault."""
    return {
        "fault": fault.name,
        "counts": fault.stage.value,
        "bytes": fault.bytes_sent,
        "needs_own_port": fault.needs_own_port,
        "parameters": [each.as_json() for each in fault.parameters],
        "when": [each.as_json() for each in fault.when],
    }


async def plan_and_host(request: web.Request) -> tuple[tuple[Rule, ...], Host]:
    """Return the plan in a request's body, and its host as it is when the body has come.

    Recordings may change while a body arrives. Raises BadRequest or BadPlan.
    """
    host_of(request)  # an unknown host is refused before its body is read
    plan = read_plan(rules_in(await read_json(request)))
    return plan, host_of(request)


def rules_in(body: object) -> object:
    """Return the rules in a body, which has to be `{"faults": [...]}` with no other name."""
    if not isinstance(body, dict) or body.keys() != {"faults"}:
        raise BadRequest(422, "bad_plan", [Problem("body", 'is not {"faults": [...]}')])
    return body["faults"]


async def reconciled(request: web.Request, state: dict[str, object]) -> web.Response:
    """Answer when the listening sockets are as the plans say."""
    await request.app[RECONCILE]()
    return json_response(state)
