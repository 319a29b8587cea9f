"""A host of the lab: where it is, its faults, its plays, and its part of the journal.

Every method is a short call to the lab, about a millisecond, and may come from any thread. So there is no second set of
methods for `async` tests: call these. `verify` alone waits; where the client under test runs on the loop of the test,
wait for the client first, or `await asyncio.to_thread(site.verify, ...)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from asynclab import checks
from asynclab.connection.admin import Admin
from asynclab.connection.description import SiteUrls
from asynclab.connection.json_object import JsonObject
from asynclab.criteria import Criteria, Criterion, checked_of_site, checked_order
from asynclab.errors import BadParameter
from asynclab.exchange import Exchange, read_exchange
from asynclab.play import Play, PlayOptions, new_play, read_play
from asynclab.verification import Expectation, verify

__tracebackhide__ = True

VERIFY_TIMEOUT_S = 2.0
MAX_ENTRIES = 1000  # of one answer
MAX_QUERY_BYTES = 8_000  # the admin side reads a line of 8,190 with the path

Value = int | float | str
Rule = Mapping[str, Value]
"""A fault with its parameters: `{"fault": "rst_at", "bytes": 40}`."""

COUNTERS = ("seen", "fired", "remaining_s")


@dataclass(frozen=True, slots=True)
class FaultState:
    """A fault in force. `seen`: how many requests or connections it decided on; `fired`: how many of them got it."""

    fault: str
    parameters: Mapping[str, object]
    seen: int
    fired: int


class Site:
    """A host of a lab; `Lab.site` and `Lab.play` return it. Its journal begins where that of its lab does."""

    def __init__(self, host: str, admin: Admin, *, since: int = 0) -> None:
        self.host = host
        self._admin, self._since = admin, since

    def __repr__(self) -> str:
        return f"<Site {self.host}>"

    # Where it is

    @property
    def url(self) -> str:
        """Its URL over HTTP, without the gateway: http://127.0.0.1:PORT. In containers, that of its name."""
        return self._urls.http

    @property
    def tls_url(self) -> str:
        """Its URL over TLS, without the gateway. The certificate is for the host's name."""
        return self._urls.tls

    @property
    def _urls(self) -> SiteUrls:
        return self._admin.description.sites[self._admin.know(self.host)]

    # Faults

    def fault(self, fault: str, /, **parameters: Value) -> None:
        """Put one fault in force, in place of those before: `site.fault("rst_at", bytes=40, first=1)`.

        It is in force for each connection from now on, and for the next request of those that are open. All faults and
        their parameters are in docs/sites.md. Raises UnknownFault or BadParameter.
        """
        self.plan([{"fault": checks.text("fault", fault), **parameters}])

    def plan(self, rules: Sequence[Rule | str]) -> None:
        """Put several faults in force, in place of those before. The first that applies is used.

        A fault without parameters may be its name alone. Raises UnknownFault or BadParameter.
        """
        if isinstance(rules, str | bytes | Mapping) or not isinstance(rules, Sequence):
            raise BadParameter(
                f'{checks.shown(rules)} is not a list of faults: write [{{"fault": NAME, ...}}], or use site.fault()'
            )
        faults = [rule_of(rule) for rule in rules]
        self._admin.call("PUT", f"/faults/{self.host}", {"faults": faults}, host=self.host)

    def clear(self) -> None:
        """Have no faults."""
        self._admin.call("DELETE", f"/faults/{self.host}", host=self.host)

    def faults(self) -> list[FaultState]:
        """Return the faults in force, with what they have seen and done."""
        answer = self._admin.call("GET", f"/faults/{self.host}", host=self.host)
        return [fault_state(each) for each in answer.objects("faults")]

    # Plays

    def play(self, response: bytes, **options: Unpack[PlayOptions]) -> Play:
        """Answer with these bytes from now on, where a request meets everything that the options say.

        The newest play that matches comes first; after `times` answers, the one before it does, and in the end what is
        recorded: `site.play(b"HTTP/1.1 503 \\r\\n\\r\\n", path="/v1/*", times=2)`. See `PlayOptions`. Raises NoHead,
        PlayConflict or BadParameter.
        """
        return new_play(self.host, response, options).add(self._admin, self.host, through=self.host)

    def plays(self) -> list[Play]:
        """Return the plays, the newest first, which is the order in which they are tried."""
        answer = self._admin.call("GET", f"/plays/{self.host}", host=self.host)
        return [read_play(self._admin, self.host, each) for each in answer.objects("plays")]

    # The journal

    def journal(self, *, limit: int = MAX_ENTRIES, **criteria: Unpack[Criteria]) -> list[Exchange]:
        """Return the newest exchanges that meet the criteria, the oldest first: `site.journal(method="GET")`.

        Raises BadParameter for a criterion that there is not, or a value that it cannot have.
        """
        asked = {**checked_of_site(criteria), "host": self.host}
        return read_journal(self._admin, asked, since=self._since, limit=limit, through=self.host)

    def verify(
        self,
        *,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        order: Sequence[Criterion] = (),
        at_once: int | None = None,
        timeout_s: float = VERIFY_TIMEOUT_S,
        **criteria: Unpack[Criteria],
    ) -> None:
        """Return when the journal has what is expected of the exchanges that meet the criteria.

        `count`, or `at_least` and `at_most`: how many; at least one if none of them is given. `order`: targets, or
        criteria, of exchanges one after another, with any others between them. `at_once`: how many at most may have
        been in progress at the same time. `timeout_s`: how long to wait for what has not come yet. The other names are
        those of `Criteria`. Raises AssertionError with what was found and what comes nearest, or BadParameter.
        """
        if count is not None and (at_least is not None or at_most is not None):
            raise BadParameter("count says exactly how many: leave out at_least and at_most, or count")
        for name, value in (("count", count), ("at_least", at_least), ("at_most", at_most), ("at_once", at_once)):
            checks.whole_or_none(name, value)
        usual = 0 if order or at_once is not None or at_most is not None else 1
        expectation = Expectation(
            host=self.host,
            criteria=checked_of_site(criteria),
            least=count if count is not None else usual if at_least is None else at_least,
            most=at_most if count is None else count,
            order=checked_order(order),
            at_once=at_once,
        )
        verify(self._admin, expectation, since=self._since, timeout_s=checks.seconds("timeout_s", timeout_s))


def rule_of(rule: object) -> Mapping[str, object]:
    """Return a fault as the admin API takes it: with its parameters, or its name alone. Raises BadParameter."""
    if isinstance(rule, str):
        return {"fault": rule}
    if not isinstance(rule, Mapping):
        raise BadParameter(
            f'{checks.shown(rule)} is not a fault: give its name, or {{"fault": NAME, ...}} with its parameters'
        )
    return dict(rule)


def read_journal(
    admin: Admin, criteria: Mapping[str, object], *, since: int, limit: int, through: str
) -> list[Exchange]:
    """Return the exchanges of the site that plays the host `through`, the oldest first. Raises BadParameter."""
    import json
    from urllib.parse import urlencode

    query = {"since": since, "limit": checks.whole("limit", limit, least=1), **criteria}
    if "fields" in query:
        query["fields"] = json.dumps(query["fields"])
    asked = urlencode({name: text_of(value) for name, value in query.items()}, errors="surrogatepass")
    if len(asked) > MAX_QUERY_BYTES:
        longest = max(criteria, key=lambda name: len(text_of(query[name])))
        raise BadParameter(
            f"the criteria have {len(asked):,} bytes in the URL of the request, and {MAX_QUERY_BYTES:,} is the limit: "
            f"give a shorter {checks.shown(longest)[1:-1]}"
        )
    answer = admin.call("GET", f"/journal?{asked}", host=through)
    started_s = admin.started_s(through, answer.inner("clock"))
    return [read_exchange(each, started_s) for each in answer.objects("entries")]


def fault_state(data: JsonObject) -> FaultState:
    """Return a fault in force as the admin API shows it."""
    parameters = {name: value for name, value in data.values.items() if name not in {"fault", *COUNTERS}}
    return FaultState(data.text("fault"), parameters, data.whole("seen"), data.whole("fired"))


def text_of(value: object) -> str:
    """Return a value as a query has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
