"""The findings of a chaos run. `storm` and `aftermath` fill it in; `judge` makes promises and tables of it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.bench.chaos.engine import Moment
from lab.bench.chaos.service import Memory

BACK_WITHIN_S = 30.0
"""How soon after an end a service has to be healthy again."""

SETTLED_WITHIN_S = 60.0
"""How soon after the load the whole lab has to be healthy."""

SLACK_S = 0.25
"""How far apart two clocks may be: the engine and the client note times in different processes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a healthy client. Times are in seconds since the epoch; `error` is None or the error's class."""

    began_s: float
    ended_s: float
    service: str
    how: str
    error: str | None = None

    @property
    def took_s(self) -> float:
        return self.ended_s - self.began_s


@dataclass(slots=True)
class Window:
    """A time in which a service need not answer as usual, because chaos did something to it."""

    service: str
    why: str
    begin_s: float
    end_s: float = math.inf

    def covers(self, answer: Answer) -> bool:
        """Return whether an answer's time overlaps with this window."""
        near = self.begin_s - SLACK_S <= answer.ended_s and answer.began_s <= self.end_s + SLACK_S
        return near and answer.service == self.service


@dataclass(frozen=True, slots=True)
class Seen:
    """A healthy client's answers: those of services that had to answer, and the others, by reason."""

    outside: list[Answer]
    inside: list[tuple[Answer, Window]]


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a service came back after an end: when it was healthy (None: never), and whether by itself."""

    service: str
    why: str
    began_s: float
    healthy_s: float | None
    by_itself: bool

    @property
    def took_s(self) -> float:
        return math.inf if self.healthy_s is None else self.healthy_s - self.began_s


@dataclass(slots=True)
class Attacks:
    """All attacks of one kind: how often they ran, what they counted, which promises they saw broken."""

    times: int = 0
    not_run: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sums:
    """The counts of a site's exchanges: in its journal, and in its metrics."""

    total: int
    kept: int
    dropped: int
    requests: int
    open: int = 0
    turned_away: int = 0

    @property
    def exact(self) -> bool:
        """Whether every exchange is counted exactly once."""
        return self.total == self.kept + self.dropped == self.requests


@dataclass(slots=True)
class Held:
    """The most memory that a service held, over all its restarts; `limit` is 0 where there is none."""

    most: int = 0
    anonymous: int = 0
    limit: int = 0

    def note(self, memory: Memory) -> None:
        """Add one more reading."""
        self.most, self.limit = max(self.most, memory.most), memory.limit
        self.anonymous = max(self.anonymous, memory.anonymous)


@dataclass(slots=True)
class Found:
    """Everything that a run found."""

    services: Sequence[str]
    seconds: float = 0.0
    attacks: dict[str, Attacks] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    deaths: list[Moment] = field(default_factory=list)
    starts: Counter[str] = field(default_factory=Counter)
    out_of_memory: list[Moment] = field(default_factory=list)
    reloads: Counter[str] = field(default_factory=Counter)
    held: dict[str, Held] = field(default_factory=dict)
    sums: dict[str, Sums | None] = field(default_factory=dict)
    log: dict[str, list[str]] = field(default_factory=dict)
    settled_s: float | None = None
    not_healthy: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attack(self, kind: str) -> Attacks:
        """Return the account of a kind of attack."""
        return self.attacks.setdefault(kind, Attacks())

    def window(self, service: str, why: str, *, begin_s: float) -> Window:
        """Add a window that is open until its end is set, and return it."""
        window = Window(service, why, begin_s)
        self.windows.append(window)
        return window

    def seen(self) -> Seen:
        """Return the healthy client's answers, those inside a window apart from the others."""
        of = {service: [window for window in self.windows if window.service == service] for service in self.services}
        seen = Seen([], [])
        for answer in self.answers:
            window = next((each for each in of.get(answer.service, ()) if each.covers(answer)), None)
            if window:
                seen.inside.append((answer, window))
            else:
                seen.outside.append(answer)
        return seen
