"""From options to the parts of a survey: who fetches, how many at once, in how many processes."""

from services.client.head import Limits
from services.client.resolver import Resolver
from services.client.settings import ClientSettings
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.survey.fetch.fetcher import Fetcher
from services.client.survey.fetch.request import FetchPolicy
from services.client.survey.fetch.request_fields import for_another_origin, read_fields
from services.client.survey.fetch.routes import read_routes
from services.client.survey.options import Options, networks
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import Sockets
from services.client.survey.transport.tls import TLSContexts
from services.runtime.process import raise_open_files, usable_cores
from services.runtime.run import running_loop_name
from services.runtime.terminal import say

SPARE_FILES = 256  # the loop's own, standard streams, look-ups
MOST_PARKED = 1_024  # targets that wait for --per-host while others use their slots
MOST_PROCESSES = 4
LEAST_EACH = 16  # fetches at once that make a process worth its start


def make_fetcher(options: Options, settings: ClientSettings, poller: Poller, concurrency: int) -> Fetcher:
    """Return the fetcher that the options describe. Raises ProgramError."""
    fields = read_fields(options.header)
    manners = FetchPolicy(
        total_s=options.timeout_s,
        connect_s=options.connect_timeout_s,
        head_s=options.head_timeout_s,
        retries=options.retries,
        follow=options.follow,
        max_redirects=options.max_redirects,
        strict=options.strict,
        user_agent=options.user_agent,
        method=options.method,
        path=options.path,
        fields=fields,
        fields_elsewhere=for_another_origin(fields),
        limits=Limits(max_head=options.max_head, max_fields=options.max_fields),
    )
    return Fetcher(
        manners,
        Resolver(),
        Sockets(poller),
        loop=running_loop_name(),
        topology=settings.topology.with_routes(read_routes(options.resolve)),
        guard=AddressFilter(public_only=options.public_only, allowed=networks(options.allow_net)),
        trust=TLSContexts(ca=options.ca, insecure=options.insecure),
        rate=options.rate,
        per_host=options.per_host,
        at_once=concurrency if options.per_host else 0,
    )


def fitting(concurrency: int, files_per_connection: int) -> int:
    """Return how many fetches at once fit into the open files that this process may have; say so if that is fewer."""
    limit = raise_open_files()
    most = max(1, (limit - min(SPARE_FILES, limit // 2)) // files_per_connection)
    if concurrency > most:
        say(
            f"wget: {concurrency:,} at once need more than the {limit:,} open files allowed here (ulimit -Hn): {most:,}"
        )
    return min(concurrency, most)


def workers_for(options: Options, concurrency: int) -> int:
    """Return how many workers keep so many fetches going: more where some of them wait for --per-host."""
    return concurrency + (min(3 * concurrency, MOST_PARKED) if options.per_host else 0)


def processes_for(options: Options, concurrency: int) -> int:
    """Return how many processes a long list is fetched by: one a core, unless something has to be kept in one place.

    A rate is kept best in one place, too, but may be shared out where several processes are asked for.
    """
    if options.ordered or options.per_host:
        return 1
    if options.processes or options.rate:
        return options.processes or 1
    return max(1, min(usable_cores(), MOST_PROCESSES, concurrency // LEAST_EACH))
