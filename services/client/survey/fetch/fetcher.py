"""One target, from its text to its record: look-up, connection, TLS, request, head; redirects and retries around it.

Whatever a host does, `Fetcher.record` returns a record, and no later than the target's deadline. Look-ups and requests
return what they came to, errors included; the record is put together here, once.
"""

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from services.client.errors import FetchError
from services.client.head import WholeHeads
from services.client.network.resolver import Resolver
from services.client.settings import ClientSettings
from services.client.survey.deadlines import Deadline, SurveyStopped
from services.client.survey.fetch.address_filter import AddressFilter, read_networks
from services.client.survey.fetch.limits import FetchLimits, Permits
from services.client.survey.fetch.lookup import Lookup, LookupResult
from services.client.survey.fetch.policy import CANCELLED, FetchContext, FetchPolicy, policy_of
from services.client.survey.fetch.redirects import redirect_of
from services.client.survey.fetch.request import Attempt, HeadRequest, without_request
from services.client.survey.fetch.retry import TRANSIENT_STATUSES, is_transient, pause_s
from services.client.survey.fetch.routes import read_routes
from services.client.survey.fetch.traced import NOT_TRACED, FetchTrace
from services.client.survey.options import Options
from services.client.survey.results.record import Record, Retried
from services.client.survey.targets import Target
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import Sockets
from services.client.survey.transport.tls import TLSContexts
from services.client.url.url import Url, not_one, read_target
from services.runtime.run import running_loop_name

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder


class Fetcher:
    """Fetches targets, as many at once as there are callers; what they share is here."""

    def __init__(
        self,
        policy: FetchPolicy,
        lookup: Lookup,
        *,
        limits: FetchLimits,
        sockets: Sockets,
        tls_contexts: TLSContexts,
        loop: str,
        trace: FetchTrace = NOT_TRACED,
    ) -> None:
        self._trace = trace
        self._policy, self._lookup, self._limits = policy, lookup, limits
        self._sockets, self._tls_contexts, self._loop = sockets, tls_contexts, loop
        self._heads = WholeHeads(policy.limits)

    @property
    def waiting(self) -> int:
        """How many targets wait for --rate or --per-host now."""
        return self._limits.waiting

    def url_of(self, target: Target) -> Url | FetchError:
        """Return the URL of a target, with --path where it names none; the error of what is no target."""
        if target.problem:
            return not_one(target.text, target.problem)
        try:
            url = read_target(target.text)
        except FetchError as error:
            return error.with_traceback(None)
        return url._replace(path=self._policy.path) if self._policy.path != "/" and is_bare(target.text) else url

    async def record(self, target: Target, url: Url | FetchError, deadline: Deadline) -> Record:
        """Fetch a target and return its record; when the survey is stopped, one with the error `cancelled`.

        `url`: as `url_of` has it.
        """
        if isinstance(url, FetchError):
            return self.unfetched(target, url)
        began = time.monotonic()
        context = FetchContext(deadline, began + self._policy.total_s, url, trace=self._trace)
        note = None
        if self._policy.follow:
            attempt, note = await self._follow(context)
        else:
            attempt = await self._persist(context)
        waited_s = context.until_s - began - self._policy.total_s
        error = attempt.error
        # By position, in the order of the fields: with keywords, it takes 2 us more.
        return Record(
            target.line,
            target.text,
            self._loop,
            context.url.text,
            attempt.ip,
            attempt.head,
            context.hops,
            context.attempts,
            context.retried,
            attempt.tls,
            attempt.dns_s,
            attempt.connect_s,
            attempt.tls_s,
            attempt.head_s,
            max(0.0, time.monotonic() - began - waited_s),
            error.kind if error else None,
            error.detail if error else note,
            context.began_s,
        )

    def unfetched(self, target: Target, error: FetchError) -> Record:
        """Return the record of a target for which nothing was asked."""
        return Record(target.line, target.text, self._loop, error=error.kind, detail=error.detail)

    async def _follow(self, context: FetchContext) -> tuple[Attempt, str | None]:
        """Fetch a URL and where it leads; return the last attempt and, where it leads further, why no further."""
        asked, origin = {context.url}, context.url[:3]
        while True:
            attempt = await self._persist(context)
            if attempt.head is None:
                return attempt, None
            try:
                redirect = redirect_of(attempt.head, context.url, attempt.ip)
            except FetchError as error:
                return attempt, f"not followed: {error.detail}"
            if redirect is None:
                return attempt, None
            hop, url = redirect
            context.hops += (hop,)
            if url in asked:
                loop = f"{context.url.text} leads back to {url.text}"
                return attempt.ended_by(FetchError("redirect_loop", loop)), None
            if len(context.hops) > self._policy.max_redirects:
                most = f"more than {self._policy.max_redirects}"
                return attempt.ended_by(FetchError("too_many_redirects", most)), None
            asked.add(url)
            context.url = url
            context.is_elsewhere = url[:3] != origin  # scheme, host and port

    async def _persist(self, context: FetchContext) -> Attempt:
        """Make an attempt and, after a transient error, further ones, as many as --retries and the deadline allow."""
        count = 0
        while True:
            count += 1
            context.attempts += 1
            attempt = await self._attempt(context)
            head, error = attempt.head, attempt.error
            again = is_transient(error) if error else head is not None and head.status in TRANSIENT_STATUSES
            pause = pause_s(count, head) if again else 0.0
            if not again or count > self._policy.retries or time.monotonic() + pause >= context.until_s:
                return attempt
            retried = Retried(
                url=context.url.text,
                ip=attempt.ip,
                status=head.status if head else None,
                error=error.kind if error else None,
                detail=error.detail if error else None,
            )
            context.retried += (retried,)
            context.trace.retry(f"{retried['error'] or retried['status']}")
            try:
                await context.deadline.sleep(pause)
            except SurveyStopped:
                return attempt.ended_by(FetchError(*CANCELLED))

    async def _attempt(self, context: FetchContext) -> Attempt:
        """Look the host up and make one request."""
        if self._limits.are_set:
            return await self._limited_attempt(context)
        lookup = await self._look_up(context)
        if lookup.error:
            return without_request(lookup, lookup.error)
        return await self._request(context, lookup)

    async def _look_up(self, context: FetchContext) -> LookupResult:
        began = time.monotonic()
        lookup = await self._lookup.addresses(context.url, context.deadline, until_s=context.until_s)
        context.trace.phase("dns", began)
        return lookup

    async def _limited_attempt(self, context: FetchContext) -> Attempt:
        """Look the host up and make one request, each when the limits allow it."""
        lookup = LookupResult()
        with Permits(self._limits, context) as permits:
            try:
                await permits.acquire_host(context.url.host)
                asks_resolver = self._lookup.asks_resolver(context.url)
                if asks_resolver:
                    await permits.acquire_lookup()
                    note_begin(context)
                lookup = await self._look_up(context)
                if lookup.error:
                    return without_request(lookup, lookup.error)
                await permits.acquire_request(address.ip for address in lookup.addresses)
            except SurveyStopped:
                return without_request(lookup, FetchError(*CANCELLED))
            if not asks_resolver:
                note_begin(context)
            return await self._request(context, lookup)

    def _request(self, context: FetchContext, lookup: LookupResult) -> Awaitable[Attempt]:
        request = HeadRequest(
            self._policy, context, sockets=self._sockets, tls_contexts=self._tls_contexts, heads=self._heads
        )
        return request.attempt(lookup)


def make_fetcher(
    options: Options, settings: ClientSettings, *, poller: Poller, concurrency: int, recorder: "Recorder | None" = None
) -> Fetcher:
    """Return the fetcher that the options ask for. `recorder`: where it is traced. Raises ProgramError."""
    policy = policy_of(options)
    topology = settings.topology.with_routes(read_routes(options.resolve))
    address_filter = AddressFilter(public_only=options.public_only, allowed=read_networks(options.allow_net))
    at_once = concurrency if options.per_host else 0  # only then, more tasks than that run: see `tasks.task_count`
    return Fetcher(
        policy,
        Lookup(Resolver(), topology, address_filter),
        limits=FetchLimits(rate=options.rate, per_host=options.per_host, at_once=at_once),
        sockets=Sockets(poller),
        tls_contexts=TLSContexts(ca=options.ca, insecure=options.insecure),
        loop=running_loop_name(),
        trace=trace_in(recorder) if recorder else NOT_TRACED,
    )


def trace_in(recorder: "Recorder") -> FetchTrace:
    from services.client.survey.fetch.lanes import RecordedFetches

    return RecordedFetches(recorder)


def is_bare(target: str) -> bool:
    """Return whether a target names neither a path nor a query, but a host alone, or scheme and host."""
    _, scheme_ends, rest = target.partition("://")
    return not set("/?#") & set(rest if scheme_ends else target)


def note_begin(context: FetchContext) -> None:
    """Note that a fetch begins now, unless this is a retry, or a redirect is followed."""
    if context.attempts == 1:
        context.began_s = time.time()
