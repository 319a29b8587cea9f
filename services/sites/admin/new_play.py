"""A play as a request asks for it: its reader, and its JSON Schema.

    {"response": "SFRUUC8xLjEgMjA0IA0KDQo=", "match": {"path": "/v1/*"}, "times": 2}

`response` is a whole response in base64, head and body, and is sent as it is: no body is made for a head without one.
`match` is as in a sidecar (see `replay.match`), and `times` says how often the play answers; null, or nothing: always.

A response that is too large for JSON comes as a body of type application/http (RFC 9112, section 10.2), as it is, with
`match` (JSON) and `times` in the query.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.playable import BodySource, Unplayable
from services.runtime.untrusted import parse_json
from services.sites.admin.journal.query import is_digits
from services.sites.admin.responses import BadRequest
from services.sites.admin.shapes import TEXT, Schema, Shape, is_whole, or_null, reference, table
from services.sites.faults.plan import Problem
from services.sites.replay.match import (
    EVERY_REQUEST,
    FIELD_NAME_PATTERN,
    FIELD_VALUE_PATTERN,
    MAX_VALUES,
    METHOD_PATTERN,
    PATH_PATTERN,
    QUERY_PATTERN,
    Match,
    read_match,
)
from services.sites.replay.recording import Recording, read_recording
from services.sites.replay.sidecar import MAX_TIMES, Sidecar

KEYS = ("response", "match", "times")
AS_IT_IS = Sidecar(body=BodySource.RECORDED)
BASE64_PATTERN = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
BASE64 = re.compile(BASE64_PATTERN)


def whole(pattern: str) -> str:
    """Return a pattern for a whole text: JSON Schema's match anywhere, and Python's `$` also before a line end."""
    return rf"^(?:{pattern})(?![\s\S])"


RESPONSE = Shape(
    {
        **TEXT,
        "contentEncoding": "base64",
        "pattern": whole(BASE64_PATTERN),
        "description": "head and body, sent as they are",
    },
    lambda value: isinstance(value, str) and BASE64.fullmatch(value) is not None,
    "is not text in base64: the bytes of a response, head and body",
)
TIMES = Shape(
    {
        **or_null("integer"),
        "minimum": 1,
        "maximum": MAX_TIMES,
        "description": "how often it answers, and then the one before it does; null: always",
    },
    lambda value: value is None or (is_whole(value) and 1 <= value <= MAX_TIMES),
    f"is not a whole number from 1 to {MAX_TIMES:,}, nor null",
)


@dataclass(frozen=True, slots=True)
class NewPlay:
    """A response, the requests that it is for, and how often it answers (None: always)."""

    recording: Recording
    match: Match
    times: int | None


def read_play(host: str, data: object) -> NewPlay:
    """Return the play in a body. Raises BadRequest, with every problem that it has."""
    if not isinstance(data, dict):
        raise BadRequest(422, "bad_play", [Problem("body", "is not an object with response, and match and times")])
    shapes = {"response": RESPONSE, "times": TIMES}
    known = ("response", "match", "times")
    problems = [
        Problem(name[:40], f"is unknown: there are {', '.join(known)}") for name in sorted(data.keys() - {*known})
    ]
    problems += [Problem(name, reason) for name, shape in shapes.items() if (reason := shape.problem(data.get(name)))]
    match = read_match(data["match"], "match", problems) if "match" in data else EVERY_REQUEST
    if problems:
        raise BadRequest(422, "bad_play", problems)
    return NewPlay(read_response(host, data["response"]), match, data.get("times"))


def read_response(host: str, text: str) -> Recording:
    """Return the response of a play. Raises BadRequest where no site can send it."""
    try:
        return read_raw_response(host, base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise BadRequest(422, "bad_play", [Problem("response", str(error))]) from error


def read_raw_response(host: str, raw: bytes) -> Recording:
    """Return the response of a play. Raises BadRequest where no site can send it."""
    try:
        return read_recording(host, raw, AS_IT_IS, name="")
    except Unplayable as error:
        raise BadRequest(422, "bad_play", [Problem("response", str(error))]) from error


def read_play_query(query: Mapping[str, str]) -> tuple[Match, int | None]:
    """Return the match and the times in the query of a response that comes as it is. Raises BadRequest."""
    problems = [
        Problem(name[:40], "is there twice")
        for name, times in Counter(name for name, _ in query.items()).items()
        if times > 1
    ]
    known = ("match", "times")
    problems += [Problem(name[:40], f"is unknown: there are {', '.join(known)}") for name in {*query} - {*known}]
    times = int(query["times"]) if is_digits(query.get("times", "")) else query.get("times")
    if reason := TIMES.problem(times):
        problems.append(Problem("times", reason))
    match = EVERY_REQUEST
    if "match" in query:
        try:
            match = read_match(parse_json(query["match"]), "match", problems)
        except (ValueError, RecursionError) as error:
            problems.append(Problem("match", f"is not JSON: {error}"))
    if problems:
        raise BadRequest(422, "bad_play", problems)
    return match, times if isinstance(times, int) else None


def schemas() -> Schema:
    """Return the schemas of what `read_play` takes."""
    path = {"pattern": whole(PATH_PATTERN), "description": "of the target, as sent; * stands for any characters"}
    match: Schema = {
        "method": {**TEXT, "pattern": whole(METHOD_PATTERN)},
        "path": {**TEXT, **path},
        "query": {**texts(QUERY_PATTERN, QUERY_PATTERN), "description": "decoded"},
        "field": {**texts(FIELD_NAME_PATTERN, FIELD_VALUE_PATTERN), "description": "names have no case"},
    }
    play: Schema = {"response": RESPONSE.schema, "match": reference("Match"), "times": TIMES.schema}
    return {"Match": table(match, required=()), "NewPlay": table(play, required=("response",))}


def texts(name: str, value: str) -> Schema:
    """Return a few names with text."""
    names, values = {"pattern": whole(name)}, {**TEXT, "pattern": whole(value)}
    return {"type": "object", "propertyNames": names, "additionalProperties": values, "maxProperties": MAX_VALUES}
