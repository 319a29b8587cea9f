"""The handler of a limited connection's requests: it reserves memory for each body, and refuses what has none.

`limited_protocol` knows the bytes of a connection; a request, and its end, are known here.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.runtime.serving.limited_protocol import LimitedConnections, LimitedProtocol

CODED = "a request body is taken as it is: send it without Content-Encoding\n"
NO_MEMORY = "no memory left for this request: ask again later\n"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Refuse = Callable[[web.BaseRequest], web.Response | None]


def limited_handler(connections: LimitedConnections, handler: Handler, refuse: Refuse | None = None) -> Handler:
    """Return a handler that tells each request's connection when the request begins and ends.

    `refuse`: returns the response to a request that the application must not see.
    """
    find = connections.open.get

    async def limited(request: web.BaseRequest) -> web.StreamResponse:
        connection = find(request.protocol)
        if connection is None:  # it has been lost
            return await handler(request)
        connection.begin_request()
        if request.body_exists and (refusal := refused_body(connection, request)):
            return refusal
        try:
            response = (refuse(request) if refuse else None) or await handler(request)
            if connection.body_left is None:
                response.force_close()
        except web.HTTPException as error:
            if connection.body_left is None:
                error.force_close()
            raise
        finally:
            connection.end_request()
        return response

    return limited


def refused_body(connection: LimitedProtocol, request: web.BaseRequest) -> web.Response | None:
    """Return the response to a request whose body the application must not see, after which the connection ends."""
    if has_coded_body(request):
        response = web.Response(status=415, headers={"Accept-Encoding": "identity"}, text=CODED)
    elif not connection.begin_body(request):
        response = web.Response(status=503, text=NO_MEMORY)
    else:
        return None
    response.force_close()
    connection.end_after_answer()
    return response


def has_coded_body(request: web.BaseRequest) -> bool:
    """Return whether the body of a request is compressed: a few bytes of it may become very many."""
    codings = ",".join(request.headers.getall("Content-Encoding", [])).lower().split(",")
    return any(coding.strip() not in {"", "identity"} for coding in codings)
