"""Where a response redirects to (RFC 9110, section 15.4); a Location that clients read differently is not followed."""

import re

from services.client.errors import FetchError
from services.client.head import Head
from services.client.survey.results.record import Hop
from services.client.url.url import Url

REDIRECTS = {301, 302, 303, 307, 308}
LOCATION_WITH_NUL_OR_CR = re.compile(rb"\nlocation[ \t]*:(?:[^\0\r\n]|\r?\n[ \t])*+(?:\0|\r(?!\n))", re.IGNORECASE)


def redirect_of(head: Head, url: Url, ip: str | None) -> tuple[Hop, Url] | None:
    """Return the redirect that the head of this URL is, and the URL that it leads to; None if it is none.

    Raises FetchError (usage) for a Location that cannot be followed.
    """
    location = location_of(head)
    if location is None:
        return None
    hop = Hop(url=url.text, ip=ip, status=head.status, location=location.decode("latin-1"))
    return hop, url.join(location)


def location_of(head: Head) -> bytes | None:
    """Return where a head redirects to; None if it does not.

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
