"""The schedule of a chaos run. A seed decides it, so that a run that found something can be repeated.

Steps are in lanes. A lane does one step after another, and all lanes go on at once. Each lane goes through all its
kinds of steps, in random order, before one comes again.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from services.runtime.http import ADMIN_PORT, HTTP_PORT, TLS_PORT

RECORDED = "recorded"
HELLO = "hello"
HOSTS = {
    "sina": "www.sina.com.cn",
    "sohu": "www.sohu.com",
    "netease": "www.163.com",
    RECORDED: "healthy.test",
}
"""The host name of each site; `recorded` has several, and this is one of them."""

CHANGED = "changed.test"
"""A host of `recorded` whose plans are changed, while another host of it answers a healthy client."""

HELLO_PORT = 8000
KILL, WORKER, RESTART = "kill -9", "kill -9 of a worker", "docker restart"
GOOD, BAD, LARGE = "valid recordings", "recordings that cannot be played", "600 MiB of recordings"
FIRST_S = 1.0
KILL_GAP_S = (5.0, 16.0)
VARIED = (0.8, 1.2)

Place = tuple[str, int]
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a service, in a lane, `at_s` seconds after the start.

    `count` connections or requests at once, `per_s` of them a second at most, for `seconds`; `seed` decides the rest.
    """

    at_s: float
    lane: str
    kind: str
    service: str = ""
    port: int = 0
    count: int = 0
    seconds: float = 0.0
    per_s: float = 0.0
    seed: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of step: its name, the services and ports it may be done to, and how much of it there is.

    `before`: a kind that comes first, at the same service and port, for a third of the time.
    """

    name: str
    targets: Sequence[Place]
    count: int = 1
    per_s: float = 0.0
    before: "Kind | None" = None


def sites(port: int, services: Sequence[str]) -> list[Place]:
    """Return each site with this port."""
    return [(service, port) for service in services if service in HOSTS]


def connections(services: Sequence[str]) -> list[Kind]:
    """Return the attacks that hold thousands of connections; one of them runs at a time."""
    web = [*sites(HTTP_PORT, services), (HELLO, HELLO_PORT)]
    tls, admin = sites(TLS_PORT, services), sites(ADMIN_PORT, services)
    return [
        Kind("tls_trickle", tls, 10_000, per_s=2_000),
        Kind("tls_unfinished", tls, 4_000, per_s=1_000),
        Kind("pipeline_unread", web, 2_000, per_s=500),
        Kind("journal_slow", admin, 16, before=Kind("journal_heads", sites(HTTP_PORT, services), 100, per_s=200)),
        Kind("endless_head", web, 1_000, per_s=500),
        Kind("slow_body", web, 1_000, per_s=500),
    ]


def noise(services: Sequence[str]) -> list[Kind]:
    """Return the attacks that need few connections."""
    tls, admin = sites(TLS_PORT, services), sites(ADMIN_PORT, services)
    every = [*sites(HTTP_PORT, services), *tls, *admin, (HELLO, HELLO_PORT)]
    return [Kind("resets", every, 50), Kind("noise", every, 50), Kind("tls_names", tls, 50)]


def changes(services: Sequence[str]) -> list[Kind]:
    """Return the attacks on the admin side."""
    admin = sites(ADMIN_PORT, services)
    own_port = [place for place in admin if place[0] != RECORDED]
    return [Kind("faults", admin, per_s=100), Kind("refuse", own_port, per_s=100), Kind("verify", admin, 2)]


def surveys(services: Sequence[str]) -> list[Kind]:
    """Return the surveys: one that is killed and resumed, one that is paused."""
    return [Kind("survey_killed", sites(HTTP_PORT, services), 2_000), Kind("survey_paused", [("", 0)], 100)]


def draw(seed: int, seconds: float, services: Sequence[str]) -> tuple[Step, ...]:
    """Return what is done in so many seconds to a lab of these services, ordered by time."""
    services = sorted(services)
    lasting = [
        ("connections", connections(services), (6.0, 9.5)),  # all of them in a minute
        ("noise", noise(services), (3.0, 8.0)),
        ("changes", changes(services), (3.0, 6.0)),
        ("surveys", surveys(services), (6.0, 10.0)),
    ]
    drawn = [
        *(step for lane, kinds, lasts_s in lasting for step in in_turn(seed, lane, kinds, lasts_s, seconds)),
        *ends(seed, seconds, services),
        *reloads(seed, seconds),
    ]
    return tuple(sorted(drawn, key=lambda step: (step.at_s, step.lane)))


def in_turn(
    seed: int, lane: str, kinds: Sequence[Kind], lasts_s: tuple[float, float], seconds: float
) -> Iterator[Step]:
    """Yield the steps of a lane whose steps take time."""
    chance = random.Random(f"{seed} {lane}")
    at_s = FIRST_S
    for kind in bag(chance, kinds):
        lasting_s = chance.uniform(*lasts_s)
        service, port = chance.choice(kind.targets)
        if at_s + lasting_s > seconds:
            return
        step = partial(Step, lane=lane, service=service)
        if kind.before:
            first, first_s = kind.before, lasting_s / 3
            yield step(
                at_s,
                kind=first.name,
                port=dict(first.targets)[service],
                count=first.count,
                seconds=first_s,
                per_s=first.per_s,
                seed=chance.getrandbits(32),
                name=HOSTS.get(service, service),
            )
            at_s, lasting_s = at_s + first_s, lasting_s - first_s
        yield step(
            at_s,
            kind=kind.name,
            port=port,
            count=kind.count,
            seconds=lasting_s,
            per_s=kind.per_s,
            seed=chance.getrandbits(32),
            name=CHANGED if (kind.name, service) == ("faults", RECORDED) else HOSTS.get(service, service),
        )
        at_s += lasting_s


def ends(seed: int, seconds: float, services: Sequence[str]) -> Iterator[Step]:
    """Yield the steps that end a process or a container: each service once before one comes again."""
    chance = random.Random(f"{seed} ends")
    kinds = [*((KILL, service) for service in services), (WORKER, HELLO), (RESTART, "")]
    least_s, most_s = KILL_GAP_S
    gap_s = min(most_s, max(least_s, (seconds - 2 * least_s) / len(kinds) / VARIED[1]))
    at_s = min(least_s, seconds / 4)
    for kind, service in bag(chance, kinds):
        if at_s > seconds - least_s:
            return
        yield Step(at_s, "ends", kind, service or chance.choice(services))
        at_s += chance.uniform(*VARIED) * gap_s


def reloads(seed: int, seconds: float) -> Iterator[Step]:
    """Yield the sets of recordings that replace each other; a valid set soon follows one that is not.

    A site that is killed meanwhile starts with the set that is there, and is ready only with a valid one.
    """
    chance = random.Random(f"{seed} reloads")
    at_s = chance.uniform(2.0, 5.0)
    for unfit in bag(chance, (BAD, LARGE)):
        good_s = at_s + chance.uniform(3.0, 6.0)
        if good_s > seconds:
            return
        yield Step(at_s, "reloads", unfit, RECORDED, seed=chance.getrandbits(32))
        yield Step(good_s, "reloads", GOOD, RECORDED, seed=chance.getrandbits(32))
        at_s = good_s + chance.uniform(3.0, 6.0)


def bag(chance: random.Random, things: Sequence[Thing]) -> Iterator[Thing]:
    """Yield things for ever, in random order; each once before one comes again."""
    while True:
        yield from chance.sample(things, len(things))
