"""One URL and, if redirects are followed, where it leads: a response for each hop, and why there is no further one."""

from collections.abc import Callable
from dataclasses import dataclass

from services.client import defaults
from services.client.errors import FetchError
from services.client.head import HeadError, HeadReader
from services.client.record.fetch import Response, fetch
from services.client.record.fetch_request import FetchRequest
from services.client.survey.fetch.redirects import location_of
from services.client.topology import Topology
from services.client.url.url import Url

RequestMaker = Callable[[Url, bool], FetchRequest]
"""Makes the request for a URL; whether a redirect led to it from another origin."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A request and its response."""

    request: FetchRequest
    response: Response


@dataclass(frozen=True, slots=True)
class Chain:
    """The hops from one URL on, in order. `error`: why the last URL that was asked, `failed`, gave no further hop."""

    hops: tuple[Hop, ...]
    failed: Url | None = None
    error: FetchError | None = None


async def fetch_chain(first: Url, request_for: RequestMaker, topology: Topology, *, follow: bool) -> Chain:
    """Fetch a URL and, if told so, follow its redirects: each URL once, and at most MAX_REDIRECTS of them."""
    hops: list[Hop] = []
    url, asked = first, {first}
    try:
        while True:
            request = request_for(url, url[:3] != first[:3])  # scheme, host and port
            response = await fetch(request, topology)
            hops.append(Hop(request, response))
            following = next_url(url, response.head) if follow else None
            if following is None:
                return Chain(tuple(hops))
            if following in asked:
                raise FetchError("redirect_loop", f"redirect loop: it leads back to {following.text}")
            if len(hops) > defaults.MAX_REDIRECTS:
                raise FetchError("too_many_redirects", f"more than {defaults.MAX_REDIRECTS} redirects: not followed")
            asked.add(following)
            url = following
    except FetchError as error:
        return Chain(tuple(hops), url, error)


def next_url(url: Url, raw: bytes) -> Url | None:
    """Return where the response with this head redirects to (RFC 9110, section 15.4), None where it does not.

    `raw`: with the interim heads before it. Raises FetchError.
    """
    heads = HeadReader()
    try:
        head = heads.feed(raw) or heads.eof()
    except HeadError as error:
        raise FetchError(error.kind, error.detail) from error
    try:
        location = location_of(head)
        if location is None:
            return None
        joined = url.join(location)
    except FetchError as error:
        raise FetchError(error.kind, f"its redirect is not followed: {error.detail}") from error
    return joined._replace(host=joined.host.removesuffix("."))
