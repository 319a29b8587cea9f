"""What every request must be, and what every response has: so that no page of another site can use this one.

The checks come ahead of every handler. Host and Origin must be of this server (`allowed_hosts`), and an Origin must be
the very origin that the Host field names. A request that changes anything needs the token, which only the page has:
another site's page can neither read it nor send its header without being asked for permission (CORS), which is never
given. Bodies are bounded for every route alike.
"""

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from services.runtime.serving.allowed_hosts import HostRefusal
from services.watch.responses import MAX_BODY_BYTES, Refused, refusal

TOKEN_FIELD = "X-Asynclab-Token"  # noqa: S105 - the name of a field
READING = frozenset({"GET", "HEAD"})
TOO_LARGE = f"the body has more than {MAX_BODY_BYTES:,} bytes"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FIELDS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN = web.AppKey("TOKEN", str)


def of_host(objection: HostRefusal) -> web.Response:
    """Refuse a request for another server, or from a page of another site."""
    return refusal(objection.status, f"{objection.field}: {objection.reason}")


async def add_fields(_request: web.Request, response: web.StreamResponse) -> None:
    """Give each response the fields that it does not have already. To be a signal `on_response_prepare`."""
    for name, value in FIELDS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the errors of a handler into refusals of one line."""
    try:
        return await handler(request)
    except Refused as refused:
        return refusal(refused.status, refused.reason)
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, TOO_LARGE)
    except web.HTTPMethodNotAllowed as error:
        response = refusal(405, f"{request.path} takes {', '.join(sorted(error.allowed_methods))} alone")
        response.headers["Allow"] = error.headers["Allow"]
        return response
    except web.HTTPNotFound:
        return refusal(404, f"there is nothing at {request.path}")


@web.middleware
async def checks(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what comes from a page of another origin, lacks the token, or is too large. Raises Refused."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.headers['Host']}":
        raise Refused(403, "Origin: only this server's own page may ask here")
    if request.method not in READING and not has_token(request):
        raise Refused(403, f"{TOKEN_FIELD}: load the page again, it has the token of this start")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        response = refusal(413, TOO_LARGE)
        response.force_close()
        return response
    if request.body_exists:
        await request.read()  # raises HTTPRequestEntityTooLarge, also for what has no length
    return await handler(request)


def has_token(request: web.Request) -> bool:
    """Return whether a request has the token of this start."""
    given = request.headers.get(TOKEN_FIELD, "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, request.app[TOKEN].encode("ascii"))
