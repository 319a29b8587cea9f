"""The admin side of a lab: calls that answer in JSON, refusals that become exceptions, and which hosts there are.

One object is shared by a `Lab`, its views and its sites. Calls may come from any thread.
"""

import json
import threading
from collections.abc import Callable, Set

from asynclab.checks import in_ascii, is_host_name, printable
from asynclab.connection.description import Description, read_description
from asynclab.connection.gateway import Answer, Gateway, NotHttp, Unreachable
from asynclab.connection.json_object import JsonObject
from asynclab.errors import (
    BadAnswer,
    BadParameter,
    LabGone,
    NoHead,
    NotALab,
    PlayConflict,
    Refused,
    UnknownFault,
    UnknownHost,
)

__tracebackhide__ = True

OK, CONFLICT, MISDIRECTED, BAD_GATEWAY, BUSY = 200, 409, 421, 502, 503
JSON, HTTP = "application/json", "application/http"
OTHERS = 3  # problems that a message shows


def never() -> str:
    """Say that the lab has not ended: it is not a child of this process, and there is no way to know."""
    return ""


class Admin:
    """The admin API of every host of a lab. `why_ended` says why the lab has ended, and nothing while it runs."""

    def __init__(self, gateway: Gateway, description: Description, *, why_ended: Callable[[], str] = never) -> None:
        self.gateway = gateway
        self._description = description
        self._is_stale = False
        self._why_ended = why_ended
        self._clocks: dict[str, float] = {}
        self._lock = threading.Lock()

    # Which hosts there are

    @property
    def description(self) -> Description:
        """What the lab said of itself last."""
        return self.refresh() if self._is_stale else self._description

    @property
    def described_hosts(self) -> Set[str]:
        """The hosts of the last description; the lab is not asked, whatever is expected."""
        return self._description.sites.keys()

    def refresh(self) -> Description:
        """Ask the lab what it is now. Raises LabGone or NotALab."""
        self._is_stale = False
        try:
            self._description = describe(self.gateway)
        except Unreachable as error:
            raise self._gone(error) from error
        return self._description

    def expect_change(self) -> None:
        """Ask again before the description is used: hosts have come or gone, or have other ports."""
        self._is_stale = True

    def know(self, host: str) -> str:
        """Return the name of a host as the lab has it. Raises UnknownHost, also for a text that no host can have."""
        name = host.lower().removesuffix(".")
        if name not in self.description.sites and name not in self.refresh().sites:
            ascii_name = in_ascii(host)
            can_be_played = is_host_name(ascii_name)
            raise UnknownHost(host, self._description.sites, ascii_name=ascii_name, can_be_played=can_be_played)
        return name

    # Calls

    def call(self, method: str, path: str, body: object = None, *, host: str, about: str = "") -> JsonObject:
        """Send a request to a host's admin side and return the answer. `about`: the host that it is about, if another.

        Raises LabGone, UnknownHost, UnknownFault, BadParameter, NoHead, PlayConflict or Refused.
        """
        status, data = self.ask(method, path, body, host=host)
        if status >= 300:
            raise self.refusal(status, data, host if status == MISDIRECTED else about or host)
        return data

    def ask(self, method: str, path: str, body: object = None, *, host: str) -> tuple[int, JsonObject]:
        """Send a request to a host's admin side; return status and answer. Raises LabGone, UnknownHost or Refused.

        `body`: what becomes JSON, or the bytes of a response, which are sent as they are.
        """
        raw, media_type = (body, HTTP) if isinstance(body, bytes) else (encoded(body), JSON)
        try:
            answer = self.gateway.call(method, path, raw, host=host, media_type=media_type)
        except (Unreachable, NotHttp) as error:
            raise self._gone(error) from error
        try:
            return answer.status, JsonObject.parse(answer.body)
        except BadAnswer as error:
            raise self._no_json(answer, host) from error

    def started_s(self, host: str, clock: JsonObject) -> float:
        """Return when the monotonic clock of a host's site began, in seconds of Unix time, the same at every call.

        `clock`: both clocks of the site, read at one moment.
        """
        with self._lock:
            if host not in self._clocks:
                self._clocks[host] = clock.number("unix_s") - clock.number("monotonic_s")
            return self._clocks[host]

    def _gone(self, error: Exception) -> LabGone:
        if ended := self._why_ended():
            return LabGone(f"the lab has ended ({ended}): start another Lab")
        return gone(self.gateway.url, str(error))

    def _no_json(self, answer: Answer, host: str) -> Refused:
        """Return the error for an answer of the gateway's own, which is one line of text. Raises LabGone or NotALab.

        One without a line is that of another server, which has the address of a lab that has gone.
        """
        line = brief(answer.body)
        asks_again = answer.status in {BAD_GATEWAY, MISDIRECTED} or not line
        if asks_again and host != self.refresh().takes_hosts and host not in self._description.sites:
            return UnknownHost(host, self._description.sites)
        return Refused(f"{host} cannot be asked: {line} (status {answer.status})", status=answer.status)

    def refusal(self, status: int, data: JsonObject, host: str) -> Refused:
        """Return the error for a refusal by the admin API: a word for programs, and problems with field and reason."""
        word = data.text("error")
        problems = [(each.text("field"), each.text("reason")) for each in data.objects("problems")]
        if word == "unknown_host" or status == MISDIRECTED:  # the latter: it has gone since the gateway led there
            return UnknownHost(host, self.refresh().sites)
        kind = kind_of(status, word, problems)
        shown = "; ".join(f"{plain(field)} {reason}".strip() for field, reason in problems[:OTHERS])
        more = f"; and {len(problems) - OTHERS} more" if len(problems) > OTHERS else ""
        return kind(printable(f"{host}: {shown or word}{more}"), status=status, problems=problems)


def describe(gateway: Gateway) -> Description:
    """Return what the lab at a gateway says of itself. Raises Unreachable or NotALab."""
    try:
        answer = gateway.call("GET", "/lab")
        if answer.status != OK:
            raise NotALab(gateway.url, f"it answers GET /lab with status {answer.status}")
        return read_description(answer.body)
    except BadAnswer as error:
        raise NotALab(gateway.url, error.reason) from error
    except NotHttp as error:
        raise NotALab(gateway.url, str(error)) from error


def gone(url: str, reason: str) -> LabGone:
    """Return the error for a lab that was joined and answers no more."""
    log = "its log is the stderr of `lab serve`, or what `lab logs` shows"
    return LabGone(f"the lab at {url} is gone ({reason}; {log}): start it again, and join it again")


def kind_of(status: int, word: str, problems: list[tuple[str, str]]) -> type[Refused]:
    """Return the class of error for a refusal."""
    fields = [field for field, _reason in problems]
    if word in {"bad_plan", "bad_expectation", "bad_query"}:
        return UnknownFault if any(each.endswith(".fault") for each in fields) else BadParameter
    if word == "bad_play":
        return NoHead if any(each.startswith("response") for each in fields) else BadParameter
    return PlayConflict if status == CONFLICT else Refused


def plain(field: str) -> str:
    """Return a field's path without the lists that this package wraps a single rule or expectation in."""
    if field in {"faults[0].fault", "body"}:
        return ""  # the reason says it
    for wrapped in ("faults[0].", "expect[0].match.", "expect[0].", "at_once[0].match.", "match."):
        if field.startswith(wrapped):
            return field.removeprefix(wrapped)
    return field


def encoded(body: object) -> bytes:
    """Return a body as JSON; nothing for None. Raises BadParameter for what JSON cannot say."""
    if body is None:
        return b""
    try:
        return json.dumps(body, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadParameter(f"a value cannot be sent as JSON ({error}): give texts, numbers, lists and dicts") from error


def brief(body: bytes) -> str:
    """Return the first line of an answer, safe to be shown."""
    line = body[:300].decode("utf-8", "replace").partition("\n")[0]
    return "".join(each if each.isprintable() else "?" for each in line)
