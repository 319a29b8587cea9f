"""A play: a response that a test gives a host, for the requests that it says.

`PlayOptions` says once what `Lab.play` and `Site.play` take.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict
from urllib.parse import urlencode

from asynclab import checks
from asynclab.connection.admin import Admin
from asynclab.connection.json_object import JsonObject
from asynclab.errors import BadParameter, NoHead

__tracebackhide__ = True

MAX_BYTES = 8 * 1024 * 1024
MAX_IN_JSON_BYTES = 512 * 1024  # a larger response is sent as it is


class PlayOptions(TypedDict, total=False):
    """Which requests a play is for: those that have all that is given; and how often it answers.

    `method`: exactly this one. `path`: of the target, as it is sent; `*` stands for any characters, `/` among them.
    `query`: names and values, once they are decoded; a request may have more. `fields`: names and whole values of
    request fields. `times`: how often it answers, then the play before it does; always without it.
    """

    method: str | None
    path: str | None
    query: Mapping[str, str] | None
    fields: Mapping[str, str] | None
    times: int | None


OPTIONS: Mapping[str, Callable[[str, object], object]] = MappingProxyType(
    {
        "method": checks.method,
        "path": checks.target,
        "query": checks.texts,
        "fields": checks.texts,
        "times": lambda name, value: checks.whole(name, value, least=1),
    }
)


@dataclass(frozen=True, slots=True)
class Play:
    """A response that a host plays, until it is removed. `match`: which requests get it; `times`: None for always."""

    host: str
    id: int
    times: int | None
    match: Mapping[str, object]
    _admin: Admin = field(repr=False, compare=False)

    def remove(self) -> None:
        """Play it no more. A host that is not recorded goes with its last play."""
        self._admin.call("DELETE", f"/plays/{self.host}/{self.id}", host=self.host)
        self._admin.expect_change()


@dataclass(frozen=True, slots=True)
class NewPlay:
    """A play as the admin API takes it: checked, and not yet added."""

    response: bytes
    match: Mapping[str, object]
    times: int | None

    def add(self, admin: Admin, host: str, *, through: str) -> Play:
        """Let a host play it. `through`: the host whose site is asked. Raises Refused, or a class of it."""
        path, body = f"/plays/{host}", self._as_json()
        if len(self.response) > MAX_IN_JSON_BYTES:
            given = {"match": json.dumps(self.match)} | ({} if self.times is None else {"times": str(self.times)})
            path, body = f"{path}?{urlencode(given)}", self.response
        return read_play(admin, host, admin.call("POST", path, body, host=through, about=host))

    def _as_json(self) -> object:
        response = base64.b64encode(self.response).decode("ascii")
        return {"response": response, "match": self.match, "times": self.times}


def new_play(host: str, response: object, options: Mapping[str, object]) -> NewPlay:
    """Return a play. Raises NoHead for a response that is not bytes, or BadParameter."""
    if not isinstance(response, bytes | bytearray | memoryview):
        raise NoHead(f"{host}: a response is bytes and not {type(response).__name__}: write b'HTTP/1.1 200 OK...'")
    for name in options.keys() - OPTIONS.keys():
        raise BadParameter(f"{host}: {name} is unknown: a play has {', '.join(OPTIONS)}")
    given = {name: OPTIONS[name](name, value) for name, value in options.items() if value is not None}
    times = given.pop("times", None)
    if "fields" in given:
        given["field"] = given.pop("fields")  # as sidecars call it
    if len(response) > MAX_BYTES:
        raise BadParameter(
            f"{host}: the response has {len(response):,} bytes, and {MAX_BYTES:,} is the limit: play less"
        )
    return NewPlay(bytes(response), given, times if isinstance(times, int) else None)


def read_play(admin: Admin, host: str, data: JsonObject) -> Play:
    """Return a play as the admin API shows it."""
    return Play(host, data.whole("id"), data.whole_or_none("times"), data.inner("match").values, admin)
