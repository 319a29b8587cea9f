"""The exchanges of one connection, as the journal gets them: one at a time, each entered as it begins, and completed.

A connection that never sent a whole request has one entry too, with the number 0; so has one that gets a fault before
it sends anything.
"""

import asyncio
import socket
from time import monotonic

from services.sites import journal
from services.sites.faults.active import Injection
from services.sites.host import Host, Outcomes
from services.sites.http.request import Request
from services.sites.http.request_body import RequestBody
from services.sites.http.response import Refused
from services.sites.journal import CachedExchange, ConnectionInfo, Exchange
from services.sites.replay.candidate import Candidate
from services.sites.site import Site


class Exchanges:
    """Enters the exchanges of one connection into the journal and the counters.

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
        self.count += 1
        self._site.journal.add_known((self.info, self.count, same, received_s, ended_s))

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


def exchanges_of(site: Site, connected: socket.socket, *, over_tls: bool) -> Exchanges:
    """Return the exchanges of a connection that gets no transport, and count it."""
    try:
        peer = connected.getpeername()
    except OSError:  # it has left
        peer = None
    site.accepted += 1
    return Exchanges(site, ConnectionInfo(site.accepted, shown_address(peer), over_tls, monotonic()))


def ended_by(error: Exception | None) -> str:
    """Return how a lost connection ended: by the peer, or by an error of this program that the loop caught."""
    if error is None:
        return journal.PEER_FIN
    return journal.PEER_RST if isinstance(error, OSError) else journal.SITE_ERROR


def client_of(transport: asyncio.BaseTransport, site: Site) -> str:
    """Return the address and port of the client: the peer's own, or that of the client which a gateway relays."""
    ends = ends_of(transport)
    return site.relayed.get(ends, ends[0])


def ends_of(transport: asyncio.BaseTransport) -> tuple[str, str]:
    """Return the peer's address and port, and this site's."""
    own = transport.get_extra_info("sockname")
    return peer_of(transport), f"{own[0]}:{own[1]}" if own else ""


def peer_of(transport: asyncio.BaseTransport) -> str:
    """Return the peer's address and port."""
    return shown_address(transport.get_extra_info("peername"))


def shown_address(name: tuple[str, int] | None) -> str:
    """Return an address of the socket module as text."""
    return f"{name[0]}:{name[1]}" if name else ""
