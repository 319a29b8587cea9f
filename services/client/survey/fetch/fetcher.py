"""One target, from its text to its record: look-up, connection, TLS, request, head; redirects and retries around it.

Whatever a host does, `Fetcher.record` returns a record, and no later than the target's deadline. Each phase below
turns the end of its wait into an error that names the phase.
"""

import re
import time
from collections.abc import Awaitable

from services.client.errors import FetchError, fetch_error
from services.client.head import Head
from services.client.resolver import Resolver
from services.client.survey.deadlines import Deadline, SurveyStopped
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.survey.fetch.limits import KeyedSemaphore, RateLimiter
from services.client.survey.fetch.lookup import Lookup
from services.client.survey.fetch.request import FetchContext, FetchPolicy, HeadRequest
from services.client.survey.fetch.retry import TRANSIENT_STATUSES, is_transient, pause_s
from services.client.survey.results.record import Hop, Record, Retried
from services.client.survey.targets import Target
from services.client.survey.transport.sockets import Sockets
from services.client.survey.transport.tls import TLSContexts
from services.client.topology import OPEN, Topology
from services.client.url.url import Url, not_one, read_target

IPV4_MAPPED = "::ffff:"
CANCELLED = ("cancelled", "the survey was interrupted")
REDIRECTS = {301, 302, 303, 307, 308}
LOCATION_WITH_NUL_OR_CR = re.compile(rb"\nlocation[ \t]*:(?:[^\0\r\n]|\r?\n[ \t])*+(?:\0|\r(?!\n))", re.IGNORECASE)


class Fetcher:
    """Fetches targets, as many at once as there are callers; what they share is here."""

    def __init__(
        self,
        manners: FetchPolicy,
        names: Resolver,
        sockets: Sockets,
        *,
        loop: str,
        topology: Topology = OPEN,
        guard: AddressFilter | None = None,
        trust: TLSContexts | None = None,
        rate: float = 0.0,
        per_host: int = 0,
        at_once: int = 0,
    ) -> None:
        self._manners, self._sockets, self._loop = manners, sockets, loop
        self._locator = Lookup(names, topology, guard or AddressFilter())
        self._trust = trust or TLSContexts()
        self._look_ups, self._requests = (
            RateLimiter(rate),
            RateLimiter(rate),
        )  # each has its turns: a dead name takes no request's
        self._hosts, self._addresses = KeyedSemaphore(per_host), KeyedSemaphore(per_host)
        self._slots = KeyedSemaphore(at_once)
        self.parked = 0  # targets that wait for --rate or --per-host
        self._is_bounded = bool(rate or per_host or at_once)

    async def record(self, item: Target, watch: Deadline) -> Record:
        """Return the record of a target; when the survey is cut off, one with the error `cancelled`."""
        record = Record(item.line, item.text, self._loop)
        began = time.monotonic()
        turn = FetchContext(watch, began + self._manners.total_s)
        try:
            if item.problem:
                raise not_one(item.text, item.problem)
            url = read_target(item.text)
            if self._manners.path != "/" and is_bare(item.text):
                url = url._replace(path=self._manners.path)
            await self._follow(url, record, turn)
        except SurveyStopped:
            record.error, record.detail = CANCELLED
        except (FetchError, OSError) as problem:  # whatever a host brings about is in its record, and ends nothing else
            error = fetch_error(problem)
            record.error, record.detail = error.kind, error.detail
        if record.url:
            waited = turn.until_s - began - self._manners.total_s
            record.total_s = max(0.0, time.monotonic() - began - waited)
        return record

    def cancelled(self, item: Target) -> Record:
        """Return the record of a target that was never begun."""
        return Record(item.line, item.text, self._loop, error=CANCELLED[0], detail=CANCELLED[1])

    async def _follow(self, url: Url, record: Record, turn: FetchContext) -> None:
        """Fetch a URL and, if that is wanted, where it leads."""
        asked, origin = {url}, url[:3]
        while True:
            record.url = url.text
            head = await self._persist(url, record, turn)
            try:
                location = location_of(head) if self._manners.follow else None
                target = url if location is None else url.join(location)
            except FetchError as error:
                record.head, record.detail = head, f"not followed: {error.detail}"
                return
            if location is None:
                record.head = head
                return
            shown = location.decode("latin-1")
            record.hops.append(Hop(url=url.text, ip=record.ip, status=head.status, location=shown))
            if target in asked:
                raise FetchError("redirect_loop", f"{url.text} leads back to {target.text}")
            if len(record.hops) > self._manners.max_redirects:
                raise FetchError("too_many_redirects", f"more than {self._manners.max_redirects}")
            asked.add(target)
            url = target
            turn.is_elsewhere = url[:3] != origin  # scheme, host and port

    async def _persist(self, url: Url, record: Record, turn: FetchContext) -> Head:
        """Ask, and ask again what is worth it, as often as is allowed and as long as there is time."""
        attempt = 0
        while True:
            attempt += 1
            record.attempts += 1
            head, error = None, None
            try:
                head = await self._ask(url, record, turn)
                again = head.status in TRANSIENT_STATUSES
            except FetchError as problem:
                error, again = problem, is_transient(problem)
            pause = pause_s(attempt, head) if again else 0.0
            if not again or attempt > self._manners.retries or time.monotonic() + pause >= turn.until_s:
                if head is None:
                    raise error or AssertionError
                return head
            record.retried.append(
                Retried(
                    url=url.text,
                    ip=record.ip,
                    status=head.status if head else None,
                    error=error.kind if error else None,
                    detail=error.detail if error else None,
                )
            )
            await turn.watch.sleep(pause)

    async def _ask(self, url: Url, record: Record, turn: FetchContext) -> Head:
        """Make one request and return its head."""
        record.ip = record.tls = record.dns_s = record.connect_s = record.tls_s = record.head_s = None
        if self._is_bounded:
            return await self._ask_in_turn(url, record, turn)
        addresses = await self._locator.locate(url, record, turn)
        record.ip = addresses[0].ip
        return await HeadRequest(self._manners, self._sockets, self._trust, record, turn).head(url, addresses)

    async def _ask_in_turn(self, url: Url, record: Record, turn: FetchContext) -> Head:
        """Make one request, when --per-host and --rate allow it."""
        held: list[tuple[KeyedSemaphore, str]] = []
        try:
            await self._take(self._hosts, url.host, turn, held)
            looks_up = self._locator.asks_resolver(url)
            if looks_up:
                await self._wait_for(self._look_ups.turn(turn.watch), turn)
                note_begin(record)
            addresses = await self._locator.locate(url, record, turn)
            record.ip = addresses[0].ip
            # Any of them may be connected to. Everyone takes them last, and in one order: no two wait for each other.
            for ip in sorted({each.ip.removeprefix(IPV4_MAPPED) for each in addresses}):
                await self._take(self._addresses, ip, turn, held)
            await self._take(self._slots, "", turn, held)
            # Last of all: a turn that had to wait for a look-up or a place would be used together with many others.
            await self._wait_for(self._requests.turn(turn.watch), turn)
            if not looks_up:
                note_begin(record)
            return await HeadRequest(self._manners, self._sockets, self._trust, record, turn).head(url, addresses)
        finally:
            for places, key in held:
                places.give(key)

    async def _take(
        self, places: KeyedSemaphore, key: str, turn: FetchContext, held: list[tuple[KeyedSemaphore, str]]
    ) -> None:
        """Take a place, as soon as there is one."""
        if places.limit:
            await self._wait_for(places.take(key, turn.watch), turn)
            held.append((places, key))

    async def _wait_for(self, granted: Awaitable[float], turn: FetchContext) -> None:
        """Wait for what the survey's own bounds grant, which is no fault of the host's."""
        self.parked += 1
        try:
            turn.until_s += await granted
        finally:
            self.parked -= 1


def is_bare(target: str) -> bool:
    """Return whether a target names neither a path nor a query, but a host alone, or scheme and host."""
    _, scheme_ends, rest = target.partition("://")
    return not set("/?#") & set(rest if scheme_ends else target)


def note_begin(record: Record) -> None:
    """Note that a fetch begins now, unless this is a retry, or a redirect is followed."""
    if record.attempts == 1:
        record.began_s = time.time()


def location_of(head: Head) -> bytes | None:
    """Return where a head redirects to (RFC 9110, section 15.4); None if it does not.

    Raises FetchError (usage) for an empty Location, which leads back, for several that differ (clients choose one or
    another, or none), and for one with a NUL or a bare CR, which is a space here, and an end or an error elsewhere.
    """
    if head.status not in REDIRECTS:
        return None
    locations = {value for name, value in head.headers if name.lower() == b"location"}
    if len(locations) > 1:
        raise FetchError("usage", f"{len(locations)} Location fields that differ")
    if locations and LOCATION_WITH_NUL_OR_CR.search(head.raw):
        raise FetchError("usage", "a Location field with a NUL or a bare CR in it (RFC 9110, section 5.5)")
    if b"" in locations:
        raise FetchError("usage", "an empty Location field")
    return next(iter(locations), None)
