"""The exchanges of one connection, as the journal gets them: one at a time, each entered as it begins, and completed.

A connection that never sent a whole request has one entry too, with the number 0; so has one that gets a fault before
it sends anything.
"""

from time import monotonic

from services.sites.faults.active import Injection
from services.sites.host import Host, Outcomes
from services.sites.http.request import Request
from services.sites.http.request_body import RequestBody
from services.sites.http.response import Refused
from services.sites.journal import TRIM_EVERY, CachedExchange, ConnectionInfo, Exchange
from services.sites.replay.candidate import Candidate
from services.sites.site import Site


class Exchanges:
    """What the journal and the counters hear of a connection.

    `count`: how many requests there were; `current`: the exchange that has not ended.
    """

    __slots__ = ("_is_entered", "_outcomes", "_site", "count", "current", "info")

    def __init__(self, site: Site, info: ConnectionInfo) -> None:
        self._site = site
        self._is_entered = False
        self._outcomes: Outcomes = site.outcomes_without_host
        self.info = info
        self.count = 0
        self.current: Exchange | None = None

    def begin(
        self, host: Host, chosen: Candidate, injection: Injection | None, request: Request | None = None
    ) -> Exchange:
        """Enter an exchange with a host; one without a request has number 0."""
        self.count += request is not None
        recording = chosen.recording
        exchange = Exchange(
            self.info,
            self.count if request else 0,
            request.head if request else b"",
            host.name,
            recording.sha256,
            recording.status,
            monotonic(),
            response=chosen.label,
            body=request.body.so_far() if request and request.body else None,
        )
        if injection:
            exchange.fault, exchange.generation = injection.name, injection.generation
            exchange.status = int(injection.rule.parameters.get("status", recording.status))
        return self._enter(exchange, host.outcomes)

    def refuse(self, refused: Refused, head: bytes, body: RequestBody | None, *, host: str) -> Exchange:
        """Enter a request that is refused."""
        self.count += 1
        exchange = Exchange(self.info, self.count, head, host, "", refused.status, monotonic(), body=body)
        return self._enter(exchange, self._site.outcomes_without_host)

    def begin_known(self, same: CachedExchange, host: Host, *, received_s: float) -> Exchange:
        """Enter the exchange of a known request that has not ended."""
        self.count += 1
        exchange = Exchange(
            self.info,
            self.count,
            same.head,
            same.host,
            same.sha256,
            same.status,
            received_s,
            response=same.response,
        )
        return self._enter(exchange, host.outcomes)

    def add_known(self, same: CachedExchange, *, received_s: float, ended_s: float) -> None:
        """Enter the exchange of a known request that has ended: as `begin_known` and `complete` would, but faster."""
        self.count = count = self.count + 1
        journal = self._site.journal
        journal.entries.append((self.info, count, same, received_s, ended_s))
        journal.total = total = journal.total + 1
        if not total % TRIM_EVERY:
            journal.trim()

    def without_request(self, begun: bytes, body: RequestBody | None = None, *, host: str) -> None:
        """Enter a connection that has sent no whole request, with what it has sent of one.

        One that has an entry already gets no other, unless a request has begun.
        """
        if self.current is None and (begun or not (self.count or self._is_entered)):
            exchange = Exchange(self.info, 0, begun, host, "", 0, self.info.accepted_s, body=body)
            self._enter(exchange, self._site.outcomes_without_host)

    def complete(self, ended: str) -> None:
        """Note how the current exchange ended, if there is one."""
        exchange = self.current
        if exchange:
            exchange.ended, exchange.ended_s = ended, monotonic()
            self._outcomes[exchange.fault, ended] += 1
            self.current = None

    def _enter(self, exchange: Exchange, outcomes: Outcomes) -> Exchange:
        self._is_entered = True
        self._outcomes = outcomes
        self.current = exchange
        self._site.journal.add(exchange)
        return exchange
