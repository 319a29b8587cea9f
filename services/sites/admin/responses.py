"""What all handlers share: JSON in, JSON out, and refusals that name each wrong field."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

from aiohttp import web

from services.runtime.errors import PortUnavailable
from services.runtime.untrusted import parse_json
from services.sites.admin.bounds import JSON, SITE, Busy, TooSlow, answer_deadline, encoded, send
from services.sites.faults.plan import BadPlan, Problem
from services.sites.host import Host
from services.sites.site import Site, known_names

MAX_BODY_BYTES = 1024 * 1024
MAX_PROBLEMS = 100
RETRY_AFTER_S = 1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Json = Mapping[str, object] | Sequence[object]


class BadRequest(Exception):
    """A request is not as documented: `status` is 4xx, `error` a word for programs, `problems` has each wrong field."""

    def __init__(self, status: int, error: str, problems: Iterable[Problem]) -> None:
        super().__init__(error)
        self.status, self.error, self.problems = status, error, tuple(problems)


def json_response(data: Json, *, status: int = 200) -> web.Response:
    """Return a response with JSON."""
    return web.Response(body=encoded(data), headers=JSON, status=status)


async def read_json(request: web.Request) -> object:
    """Return the JSON of the request's body. Raises BadRequest if it is not JSON or too large, or PeerLeft.

    The memory for it was taken from the budget before the request, by `services.runtime.serving.limited_protocol`.
    """
    try:
        async with answer_deadline(request):
            raw = await request.read()
        return parse_json(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "not_json", [Problem("body", str(error))]) from error
    except web.RequestPayloadError as error:
        raise BadRequest(400, "not_json", [Problem("body", "is not in the coding that it is said to be in")]) from error


def host_pieces(site: Site, show: Callable[[Host], Json]) -> Iterator[bytes]:
    """Yield the beginning of an object, and in it `hosts`: what is shown of each, as it is just before it is sent.

    Hosts that have gone meanwhile are left out.
    """
    yield b'{"hosts": ['
    separator = b""
    for name in list(site.hosts):
        if host := site.hosts.get(name):
            yield separator + encoded(show(host))
            separator = b", "
    yield b"]"


def host_of(request: web.Request) -> Host:
    """Return the host in the path. Raises BadRequest (404) if the site has no such host."""
    return host_named(request.app[SITE], request.match_info["host"])


def host_named(site: Site, name: str) -> Host:
    """Return the host of this name. Raises BadRequest (404) if the site has no such host."""
    host = site.hosts.get(name.lower())
    if host is None:
        raise BadRequest(
            404, "unknown_host", [Problem("host", f"is not here; this site knows {known_names(site.hosts)}")]
        )
    return host


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the errors of a handler into refusals, and send large answers within the limits."""
    try:
        return await send(request, await response_of(request, handler))
    except Busy:
        reason = "is answering as many large requests as it has memory for: ask again"
        busy = refusal(503, "busy", [Problem("request", f"the site {reason}")])
        busy.headers["Retry-After"] = str(RETRY_AFTER_S)
        return busy


async def response_of(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return a handler's response, or a refusal for its error. Raises Busy."""
    try:
        return await handler(request)
    except BadRequest as bad:
        return refusal(bad.status, bad.error, bad.problems)
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
        if isinstance(
            error, web.HTTPMethodNotAllowed
        ):  # RFC 9110, section 15.5.6: the answer names the methods that are allowed
            refused.headers["Allow"] = error.headers["Allow"]
        return refused


def refusal(status: int, error: str, problems: Iterable[Problem]) -> web.Response:
    """Return a refusal: a word for programs, and the first MAX_PROBLEMS problems for a person."""
    listed = list(problems)
    shown = listed[:MAX_PROBLEMS]
    if more := len(listed) - len(shown):
        shown.append(Problem("body", f"has {more:,} more problems"))
    return json_response({"error": error, "problems": [problem._asdict() for problem in shown]}, status=status)
