"""What every handler shares: JSON in, JSON out, and refusals that name each field that is wrong."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiohttp import web

from services.runtime.errors import PortUnavailable
from services.runtime.untrusted import parse_json
from services.sites.admin.bounds import JSON, SITE, Busy, TooSlow, encoded, in_time, send
from services.sites.faults.plan import BadPlan, Problem
from services.sites.site import Host, Site, known_names

MAX_BODY_BYTES = 1024 * 1024
MOST_PROBLEMS = 100
RETRY_AFTER_S = 1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Json = Mapping[str, object] | Sequence[object]


class Unfit(Exception):
    """A request that is not as documented: `status` 4xx, a word for programs, and what is wrong, field by field."""

    def __init__(self, status: int, error: str, problems: Iterable[Problem]) -> None:
        super().__init__(error)
        self.status, self.error, self.problems = status, error, tuple(problems)


def answer(data: Json, *, status: int = 200) -> web.Response:
    """Return a JSON response; what has to be escaped is."""
    return web.Response(body=encoded(data), headers=JSON, status=status)


async def read_json(request: web.Request) -> object:
    """Return what the request's body says. Raises Unfit for what is not JSON, or too much; PeerLeft.

    Its memory is the connection's, which `runtime.serving.limited_protocol` has from the budget before it comes.
    """
    try:
        async with in_time(request):
            raw = await request.read()
        return parse_json(raw)
    except (ValueError, RecursionError) as error:
        raise Unfit(400, "not_json", [Problem("body", str(error))]) from error
    except web.RequestPayloadError as error:
        raise Unfit(400, "not_json", [Problem("body", "is not in the coding that it is said to be in")]) from error


def host_of(request: web.Request) -> Host:
    """Return the host in the path. Raises Unfit (404) where the site has none of that name."""
    return host_named(request.app[SITE], request.match_info["host"])


def host_named(site: Site, name: str) -> Host:
    """Return the host of a site that has this name. Raises Unfit (404) where there is none."""
    host = site.hosts.get(name.lower())
    if host is None:
        raise Unfit(404, "unknown_host", [Problem("host", f"is not here; this site knows {known_names(site.hosts)}")])
    return host


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into JSON, and send what is large within bounds."""
    try:
        return await send(request, await answer_of(request, handler))
    except Busy:
        reason = "is answering as many large requests as it has memory for: ask again"
        busy = refusal(503, "busy", [Problem("request", f"the site {reason}")])
        busy.headers["Retry-After"] = str(RETRY_AFTER_S)
        return busy


async def answer_of(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return a handler's answer, or a refusal for what it raises. Raises Busy."""
    try:
        return await handler(request)
    except Unfit as unfit:
        return refusal(unfit.status, unfit.error, unfit.problems)
    except BadPlan as bad:
        return refusal(422, "bad_plan", bad.problems)
    except PortUnavailable as error:
        return refusal(503, "port_unavailable", [Problem("port", str(error))])
    except TooSlow as slow:
        return refusal(503, "too_slow", [Problem("body", str(slow))])
    except web.HTTPException as error:
        if error.status < 400:
            raise
        refused = refusal(error.status, error.reason.lower().replace(" ", "_"), [Problem("request", error.text or "")])
        if isinstance(error, web.HTTPMethodNotAllowed):  # RFC 9110, section 15.5.6: it says which are
            refused.headers["Allow"] = error.headers["Allow"]
        return refused


def refusal(status: int, error: str, problems: Iterable[Problem]) -> web.Response:
    """Return a refusal: a word for programs, and the problems for a person, not more than anyone reads."""
    listed = list(problems)
    shown = listed[:MOST_PROBLEMS]
    if more := len(listed) - len(shown):
        shown.append(Problem("body", f"has {more:,} more problems"))
    return answer({"error": error, "problems": [problem._asdict() for problem in shown]}, status=status)
