"""A host of a site: what it answers with, the plan in force, and how its exchanges ended."""

from collections import Counter

from services.sites.faults.active import ActivePlan
from services.sites.http.request import Request
from services.sites.journal import FIN, KEPT
from services.sites.replay.candidate import Candidate, choose
from services.sites.replay.order import candidates_of
from services.sites.replay.recording import Recording

NO_PLAN = ActivePlan((), generation=0, source="sidecar", now=0.0)

Outcomes = Counter[tuple[str, str]]
"""How often each fault (an empty name: none) led to each end of an exchange."""


class Host:
    """A host: its candidates, the plan in force (None: no faults), and how its exchanges ended.

    `own` answers whatever no other candidate is for. `recorded` are those from files, and `plays` those of the admin
    API, the oldest first. `latest` is the plan that was set last, even if it is empty. Where that is a temporary one,
    `below` is the plan that comes back, with all that it has seen, when the temporary one ends: at `until_s`, if not
    before. `kept` and `ended` count the answers to known requests, which are most; they are not in `outcomes`.
    """

    __slots__ = (
        "_candidates",
        "below",
        "ended",
        "kept",
        "latest",
        "name",
        "outcomes",
        "own",
        "plan",
        "plays",
        "recorded",
        "until_s",
    )

    def __init__(self, recording: Recording) -> None:
        self.name = recording.host
        self.plays: tuple[Candidate, ...] = ()
        self.recorded: tuple[Candidate, ...] = ()
        self.replay(recording)
        self.plan: ActivePlan | None = None
        self.latest = NO_PLAN
        self.below: ActivePlan | None = None
        self.until_s = 0.0
        self.outcomes: Outcomes = Counter()
        self.kept = self.ended = 0

    # What it answers with

    @property
    def recording(self) -> Recording:
        """Its own recording, or the lab's answer in the place of one."""
        return self.own.recording

    @property
    def is_recorded(self) -> bool:
        """Whether it is there without a play."""
        return bool(self.own.label or self.recorded)

    @property
    def longest_head_bytes(self) -> int:
        """The size of its longest head."""
        return max(self.recording.longest_head_bytes, *(len(play.recording.head) for play in self.plays), 0)

    def replay(self, recording: Recording) -> None:
        """Answer with this recording and its others from now on. What has not changed goes on counting."""
        counted = {id(candidate.recording): candidate.used for candidate in self.recorded}
        self.own = Candidate(recording)
        self.recorded = candidates_of(recording.others)
        for candidate in self.recorded:
            candidate.used = counted.get(id(candidate.recording), 0)
        self._candidates = (*reversed(self.plays), *self.recorded)

    def play(self, plays: tuple[Candidate, ...]) -> None:
        """Answer with these plays from now on, before what is recorded."""
        self.plays = plays
        self._candidates = (*reversed(plays), *self.recorded)

    def count_anew(self) -> None:
        """Forget how often the recordings with `times`, or in a sequence, have answered."""
        for candidate in self.recorded:
            candidate.used = 0

    def choose(self, request: Request) -> Candidate:
        """Return what a request gets, counted where that is limited."""
        return choose(self._candidates, self.own, request) if self._candidates else self.own

    # Plans, and what became of exchanges

    def put_in_force(self, plan: ActivePlan) -> None:
        """Follow this plan from now on."""
        self.latest, self.plan = plan, plan if plan.plan else None

    def all_outcomes(self) -> Outcomes:
        """Return how all exchanges ended, those of known requests among them."""
        return self.outcomes + Counter({("", KEPT): self.kept, ("", FIN): self.ended})
