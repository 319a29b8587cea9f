"""A play: a response that a test gives a host, for the requests that it says.

`PlayOptions` says once what `Lab.play` and `Site.play` take.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict

from asynclab import checks
from asynclab.connection.admin import Admin
from asynclab.connection.json_object import JsonObject
from asynclab.errors import BadParameter, NoHead

__tracebackhide__ = True


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

    body: Mapping[str, object]

    def add(self, admin: Admin, host: str, *, through: str) -> Play:
        """Let a host play it. `through`: the host whose site is asked. Raises Refused, or a class of it."""
        return read_play(admin, host, admin.call("POST", f"/plays/{host}", self.body, host=through, about=host))


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
    return NewPlay({"response": base64.b64encode(response).decode("ascii"), "match": given, "times": times})


def read_play(admin: Admin, host: str, data: JsonObject) -> Play:
    """Return a play as the admin API shows it."""
    return Play(host, data.whole("id"), data.whole_or_none("times"), data.inner("match").values, admin)
