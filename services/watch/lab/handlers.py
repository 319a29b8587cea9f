"""Sites, faults and services over HTTP. Plans and their bounds are checked by the sites' own admin API."""

from collections.abc import Mapping

from aiohttp import web

from services.runtime.untrusted import parse_json
from services.watch.lab.client import Answer, LabAway
from services.watch.lab.measures import as_json
from services.watch.lab.services import Services
from services.watch.lab.view import LabView, entries_in
from services.watch.responses import Refused, json_response, read_object

LAB = web.AppKey("LAB", LabView)
SERVICES = web.AppKey("SERVICES", Services)
SHOWN_ENTRIES = 50


async def sites(request: web.Request) -> web.Response:
    """Return the hosts of the lab, with their plans."""
    lab = request.app[LAB]
    await lab.look()
    return json_response(lab.state.as_json())


async def site(request: web.Request) -> web.Response:
    """Return a host: what it answers with, its plan, and the last entries of its journal."""
    host = await known_host(request)
    recording = await asked(request, host, "GET", f"/hosts/{host}")
    plan = await asked(request, host, "GET", f"/faults/{host}")
    journal = await asked(request, host, "GET", "/journal", query={"host": host, "limit": str(SHOWN_ENTRIES)})
    return json_response({"host": host, **recording, "plan": plan, "journal": entries_in(journal)})


async def faults(request: web.Request) -> web.Response:
    """Return the kinds of faults: their parameters with bounds, and their exact bytes."""
    lab = request.app[LAB]
    if not lab.hosts:
        await lab.look()
    if not lab.hosts:
        raise Refused(503, f"the lab does not answer: {lab.state.trouble}")
    return json_response(await asked(request, lab.hosts[0], "GET", "/fault-kinds"))


async def set_faults(request: web.Request) -> web.Response:
    """Put a plan in force."""
    plan = await read_object(request)
    host = await known_host(request)
    return await changed(request, await asked(request, host, "PUT", f"/faults/{host}", body=plan))


async def clear_faults(request: web.Request) -> web.Response:
    """Put no faults in force."""
    host = await known_host(request)
    return await changed(request, await asked(request, host, "DELETE", f"/faults/{host}"))


async def changed(request: web.Request, plan: Mapping[str, object]) -> web.Response:
    """Let all pages know of a plan, and return it."""
    await request.app[LAB].look()
    return json_response(plan)


async def services(request: web.Request) -> web.Response:
    """Return how the services are now."""
    found = request.app[SERVICES]
    await request.app[LAB].look()
    await found.look()
    return json_response(as_json(found.last))


async def known_host(request: web.Request) -> str:
    """Return the host in the path. Raises Refused where the lab has no such host."""
    lab, host = request.app[LAB], request.match_info["host"].lower()
    if host not in lab.hosts:
        await lab.look()
    if host not in lab.hosts:
        if not lab.state.is_healthy:
            raise Refused(503, f"the lab does not answer: {lab.state.trouble}")
        raise Refused(404, f"the lab has no host {host[:60]!r}")
    return host


async def asked(
    request: web.Request,
    host: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object = None,
) -> Mapping[str, object]:
    """Return what the admin side of a host answers. Raises Refused, with the reason that the host gives."""
    try:
        answer = await request.app[LAB].client.admin(host, method, path, query=query, body=body)
        if answer.status < 400:
            return answer.object()
    except LabAway as away:
        raise Refused(502, f"the lab does not answer: {away}") from away
    raise Refused(answer.status if answer.status < 500 else 502, problems_in(answer))


def problems_in(answer: Answer) -> str:
    """Return the problems in a refusal of the admin API, in one line."""
    try:
        data = parse_json(answer.body)
    except (ValueError, RecursionError):
        data = None
    listed = data.get("problems") if isinstance(data, dict) else None
    problems = [each for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict)]
    texts = [f"{each.get('field')}: {each.get('reason')}" for each in problems]
    return "; ".join(texts) or f"the site refuses it, with status {answer.status}"
