"""How targets are fetched (`FetchPolicy`, the same for all), and what one fetch has come to so far (`FetchContext`)."""

import time
from dataclasses import dataclass, field

from services.client.head import Limits
from services.client.survey.deadlines import Deadline
from services.client.survey.fetch.request_fields import Fields, for_another_origin, read_fields
from services.client.survey.fetch.traced import NOT_TRACED, FetchTrace
from services.client.survey.options import Options
from services.client.survey.results.record import Hop, Retried
from services.client.url.url import Url

CANCELLED = "cancelled", "the survey was interrupted"
"""The kind and the detail of the error where the survey ends before a fetch does."""


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """How each target is fetched. Times in seconds; `total_s` holds for redirects and retries together.

    `path` is for targets that name none; `fields` go to the origin of the target, `fields_elsewhere` to any other.
    """

    total_s: float
    connect_s: float
    head_s: float
    retries: int
    follow: bool
    max_redirects: int
    strict: bool
    user_agent: str
    method: str
    path: str
    fields: Fields
    fields_elsewhere: Fields
    limits: Limits


def policy_of(options: Options) -> FetchPolicy:
    """Return the policy that options ask for. Raises BadSetting."""
    fields = read_fields(options.header)
    return FetchPolicy(
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


@dataclass(slots=True)
class FetchContext:
    """The state of one fetch. It ends at `until_s`; `deadline` is that of the task.

    `url` is the one that is asked now. `is_elsewhere`: whether a redirect led to another origin. `began_s` is when the
    first look-up or connection began, in Unix time, after the wait for the limits. `trace`: where its phases go.
    """

    deadline: Deadline
    until_s: float
    url: Url
    is_elsewhere: bool = False
    attempts: int = 0
    retried: tuple[Retried, ...] = ()
    hops: tuple[Hop, ...] = ()
    trace: FetchTrace = NOT_TRACED
    began_s: float = field(default_factory=time.time)
