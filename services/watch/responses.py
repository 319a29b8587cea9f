"""What all handlers share: JSON in, JSON out, and refusals of one line."""

import json
from collections.abc import Mapping

from aiohttp import web

from services.runtime.terminal import printable
from services.runtime.untrusted import parse_json

MAX_BODY_BYTES = 64 * 1024
MAX_REASON_CHARACTERS = 300
JSON = "application/json"


class Refused(Exception):
    """A request cannot be done: a status, and one line that says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def json_response(data: object, *, status: int = 200) -> web.Response:
    """Return a response with JSON."""
    return web.Response(body=json.dumps(data).encode("ascii"), content_type=JSON, status=status)


def refusal(status: int, reason: str) -> web.Response:
    """Return a response that says in one line why a request is refused."""
    line = printable(" ".join(reason.split()))
    return json_response({"error": line[:MAX_REASON_CHARACTERS]}, status=status)


async def read_object(request: web.Request) -> Mapping[str, object]:
    """Return the object of JSON that a request's body is. Raises Refused."""
    try:
        data = parse_json(await request.read())
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refused(400, "the body is not a JSON object")
    return data
