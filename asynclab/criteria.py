"""Criteria: what an exchange of the journal has to be, for `journal` and for `verify` alike.

    site.journal(method="POST", status=200)
    site.verify(count=1, target="/b", fields={"cookie": None}, order=["/a", {"target": "/b", "tls": True}])

`Criteria` says the names once. None is the value of an exchange that has no such thing: `status=None` is one without an
answer, `ended=None` one that goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypedDict

from asynclab import checks
from asynclab.errors import BadParameter

__tracebackhide__ = True


class Criteria(TypedDict, total=False):
    """Criteria of a host's exchanges.

    `method`, `target`: of the request, as it was sent. `fields`: request fields by name, None for one that must not be
    there. `head_contains`, `body_contains`: text in the request's head, or in the first 64 KiB of its body.
    `body_bytes`, `body_sha256`: of the body. `status`: of the answer; `response`: the recording or the play that it was
    (`"play 3"`). `fault`: the fault that it got; `generation`: the number of the plan that it came from. `ended`: see
    `Exchange`. `connection`, `exchange`: their numbers; `peer`: ADDRESS:PORT of the client; `tls`: whether it was TLS.
    """

    method: str | None
    target: str | None
    fields: Mapping[str, str | None]
    head_contains: str | None
    body_contains: str | None
    body_bytes: int | None
    body_sha256: str | None
    status: int | None
    response: str | None
    fault: str | None
    generation: int | None
    ended: str | None
    connection: int | None
    exchange: int | None
    peer: str | None
    tls: bool


class LabCriteria(Criteria, total=False):
    """Criteria of any host's exchanges. `host`: its name, None for what no host answered; `since`: an entry's number,
    after which they come.
    """

    host: str | None
    since: int


Criterion = Criteria | str
"""What an exchange has to be: criteria by name, or its target alone."""

CHECKS: Mapping[str, Callable[[str, object], object]] = MappingProxyType(
    {
        **dict.fromkeys(("method",), checks.method),
        **dict.fromkeys(("target",), checks.target),
        **dict.fromkeys(("fields",), checks.texts_or_none),
        **dict.fromkeys(("status", "body_bytes", "generation", "connection", "exchange"), checks.whole_or_none),
        **dict.fromkeys(
            ("host", "head_contains", "body_contains", "body_sha256", "response", "fault", "ended", "peer"),
            checks.text_or_none,
        ),
        "since": checks.whole,
        "tls": checks.truth,
    }
)
"""How the value of each criterion is checked. The lab knows the names, and says which there are."""

FIXED = (("host", "its own host"), ("since", "the beginning of its journal"))


def checked(criteria: Mapping[str, object], where: str = "") -> dict[str, object]:
    """Return criteria whose values have their types. `where`: what stands before a name in an error.

    Raises BadParameter. A name that is not known is left to the lab.
    """
    check_names(criteria)
    return {
        name: CHECKS[name](f"{where}{name}", value) if name in CHECKS else value for name, value in criteria.items()
    }


def checked_of_site(criteria: Mapping[str, object], where: str = "") -> dict[str, object]:
    """Return the criteria of one host. Raises BadParameter, also for a criterion that a site fixes itself."""
    check_names(criteria)
    for name, whose in FIXED:
        if name in criteria:
            raise BadParameter(
                f"{name} is no criterion of a site, which has {whose}: leave it out, or use lab.journal()"
            )
    return checked(criteria, where)


def checked_order(order: object) -> list[Mapping[str, object]]:
    """Return the steps of an order, each as criteria. Raises BadParameter for what is no list of steps."""
    if isinstance(order, str | bytes) or not isinstance(order, Sequence):
        raise BadParameter(
            f'order={checks.shown(order)} is not a list: give targets or criteria, as order=["/a", "/b"]'
        )
    steps: list[Mapping[str, object]] = []
    for number, step in enumerate(order):
        if not isinstance(step, str | Mapping):
            raise BadParameter(f"order has {checks.shown(step)}: a step is a target, or a dict of criteria")
        steps.append(checked_of_site({"target": step} if isinstance(step, str) else step, f"order[{number}]."))
    return steps


def check_names(criteria: Mapping[str, object]) -> None:
    """Raise BadParameter for a name that is no text: JSON has no others."""
    for name in criteria:
        checks.text("a criterion's name", name)
