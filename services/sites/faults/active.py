"""An active plan: the rules with their counters, and the decision which connection or request gets a fault.

Each rule has its own random generator, and draws in the order in which connections or requests come: the same seed
gives the same faults. Setting a plan again starts with new counters and generators.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from services.sites.faults.catalog import Stage
from services.sites.faults.plan import Rule
from services.sites.faults.script import FaultContext, Response, Script, Value


class ActiveRule:
    """A rule with its counters. `seen`: how many it decided on; `fired`: how many got its fault; `ends`: its end."""

    __slots__ = ("_chance", "ends", "fired", "rule", "seen")

    def __init__(self, rule: Rule, now: float) -> None:
        self.rule = rule
        self.seen = self.fired = 0
        self.ends = math.inf if rule.ttl_s is None else now + rule.ttl_s
        self._chance: Random | None = None  # 2.5 KB, and a plan for all of ten thousand hosts has a million rules

    def applies(self, now: float) -> bool:
        """Count one more connection or request, and return whether the rule applies to it."""
        rule = self.rule
        if now >= self.ends:
            return False
        self.seen += 1
        return (
            (rule.first is None or self.seen <= rule.first)
            and (rule.every is None or self.seen % rule.every == 0)
            and (rule.probability is None or self._draw() < rule.probability)
        )

    def counts(self) -> "RuleCounts":
        """Return what it has counted and drawn, for `count_from`."""
        return RuleCounts(self.seen, self.fired, None if self._chance is None else self._chance.getstate())

    def count_from(self, counts: "RuleCounts") -> None:
        """Go on from what had been counted and drawn."""
        self.seen, self.fired = counts.seen, counts.fired
        if counts.drawn is None:
            self._chance = None
        else:
            self._chance = Random()
            self._chance.setstate(counts.drawn)

    def _draw(self) -> float:
        self._chance = self._chance or Random(self.rule.seed)
        return self._chance.random()


class RuleCounts(NamedTuple):
    """What a rule had counted, and the state of its generator; None if it had not drawn."""

    seen: int
    fired: int
    drawn: tuple[object, ...] | None


PlanCounts = tuple[RuleCounts, ...]
"""What the rules of a plan had counted, in their order."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault for one connection or request. `number`: how many faults of its rule there were, this one included."""

    rule: Rule
    number: int
    generation: int

    @property
    def name(self) -> str:
        """The fault's name."""
        return self.rule.fault.name

    @property
    def resets(self) -> bool:
        """Whether it sends a RST after its `bytes`."""
        return self.rule.fault.resets

    def script(self, response: Response, target: str) -> Script:
        """Return what the connection has to send. Raises TypeError for a fault without a script."""
        write = self.rule.fault.script
        if write is None:
            raise TypeError(f"{self.name} has no script")
        return write(FaultContext(response, target, self.rule.parameters, Random(f"{self.rule.seed}/{self.number}")))


Decisions = dict[ActiveRule, bool]
"""For the rules with `per = "connection"`: the decision for one connection."""


class ActivePlan:
    """A plan that was set. `generation` grows with every change; `source` is "sidecar", "admin" or "temporary".

    `since`: when it was set, by the monotonic clock.
    """

    def __init__(self, plan: tuple[Rule, ...], *, generation: int, source: str, now: float) -> None:
        self.plan = plan
        self.generation = generation
        self.source = source
        self.since = now
        self.rules = [ActiveRule(rule, now) for rule in plan]
        self._by_stage = {stage: [each for each in self.rules if each.rule.fault.stage is stage] for stage in Stage}

    def refuses(self, now: float) -> bool:
        """Return whether the listening sockets are to be closed."""
        return any(now < each.ends for each in self._by_stage[Stage.LISTEN])

    def decide(self, stage: Stage, now: float, decisions: Decisions | None = None) -> Injection | None:
        """Let every rule of this stage count, and return the fault of the first rule that applies, if there is one.

        `decisions`: the decisions of one connection, which rules with `per = "connection"` read and add to.
        """
        chosen = None
        for each in self._by_stage[stage]:
            if decisions is None or each.rule.per != "connection":
                applies = each.applies(now)
            else:
                if each not in decisions:
                    decisions[each] = each.applies(now)
                applies = decisions[each] and now < each.ends
            if applies and chosen is None:
                chosen = each
        if chosen is None:
            return None
        chosen.fired += 1
        return Injection(chosen.rule, chosen.fired, self.generation)

    def counts(self) -> PlanCounts:
        """Return what its rules have counted, for `count_from`."""
        return tuple(each.counts() for each in self.rules)

    def count_from(self, counts: PlanCounts) -> None:
        """Go on from what its rules had counted."""
        for rule, each in zip(self.rules, counts, strict=True):
            rule.count_from(each)

    def as_json(self, now: float) -> dict[str, object]:
        """Return the plan with the counters of its rules, for the admin API."""
        rules: list[dict[str, Value | None]] = []
        for each in self.rules:
            left = None if math.isinf(each.ends) else round(max(0.0, each.ends - now), 3)
            rules.append({**each.rule.as_json(), "seen": each.seen, "fired": each.fired, "remaining_s": left})
        return {"generation": self.generation, "source": self.source, "faults": rules}
