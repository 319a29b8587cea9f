"""Checkpoints: the plans and plays of all hosts at a moment, which can be put back as they were.

A test takes one, sets faults and adds plays, and puts the checkpoint back when it ends: then the next test finds what
the one before it found, in whatever order they run. What plans and plays have counted is part of it, so that a fault
for the first request alone is there again for the next test.

A checkpoint is put back once. The bytes of its plays are counted with those of plays, since it holds them even where
they are removed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.sites.faults.active import ActivePlan, PlanCounts
from services.sites.host import Host
from services.sites.plays import NoRoom, PlayRefused, Plays
from services.sites.replay.candidate import Candidate

MAX_CHECKPOINTS = 16


class UnknownCheckpoint(PlayRefused):
    """There is no checkpoint of this number."""

    field = "id"


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host had: its plan, the one below it, its plays, and what all of them had counted."""

    host: Host
    latest: ActivePlan
    below: ActivePlan | None
    until_s: float
    counts: Mapping[ActivePlan, PlanCounts]
    plays: tuple[Candidate, ...]
    used: Mapping[Candidate, int]

    @classmethod
    def of(cls, host: Host) -> "HostState":
        """Return the state of a host now."""
        plans = [plan for plan in (host.latest, host.below) if plan]
        candidates = [each for each in (*host.plays, *host.recorded) if each.times is not None]
        return cls(
            host=host,
            latest=host.latest,
            below=host.below,
            until_s=host.until_s,
            counts={plan: plan.counts() for plan in plans},
            plays=host.plays,
            used={each: each.used for each in candidates},
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of every host. `entry`: the last entry of the journal; `held_bytes`: those of its plays."""

    number: int
    entry: int
    hosts: Mapping[str, HostState]
    held_bytes: int


class Checkpoints:
    """The checkpoints of a site, the newest MAX_CHECKPOINTS of them. Numbers are never given twice."""

    def __init__(self, plays: Plays) -> None:
        self._site, self._plays = plays.site, plays
        self._held: dict[int, Checkpoint] = {}
        self._last_number = 0

    def take(self) -> Checkpoint:
        """Take a checkpoint. Raises NoRoom."""
        site = self._site
        held_bytes = sum(play.held_bytes for host in site.hosts.values() for play in host.plays)
        if held_bytes > site.recordings_room:
            raise NoRoom(f"needs {held_bytes:,} bytes for its plays, and there is no room: delete plays")
        if len(self._held) == MAX_CHECKPOINTS:
            self._drop(next(iter(self._held)))
        self._last_number += 1
        states = {name: HostState.of(host) for name, host in site.hosts.items()}
        checkpoint = Checkpoint(self._last_number, site.journal.total, states, held_bytes)
        self._held[checkpoint.number] = checkpoint
        site.count_played_bytes(held_bytes)
        return checkpoint

    def restore(self, number: int) -> Checkpoint:
        """Put a checkpoint back, and forget it. Hosts that were recorded meanwhile stay. Raises UnknownCheckpoint."""
        if number not in self._held:
            known = ", ".join(map(str, self._held)) or "none"
            raise UnknownCheckpoint(f"is not a checkpoint of this site; it has {known}, and each is put back once")
        checkpoint, site = self._drop(number), self._site
        for host in list(site.hosts.values()):
            if host.plays and host.name not in checkpoint.hosts:
                self._plays.put_back(host, ())
        for name, state in checkpoint.hosts.items():
            host = site.hosts.get(name, state.host)
            self._plays.put_back(host, state.plays)
            for candidate, used in state.used.items():
                candidate.used = used
            for plan, counts in state.counts.items():
                plan.count_from(counts)
            if name in site.hosts:
                site.put_back(host, state.latest, below=state.below, until_s=state.until_s)
        return checkpoint

    def _drop(self, number: int) -> Checkpoint:
        checkpoint = self._held.pop(number)
        self._site.count_played_bytes(-checkpoint.held_bytes)
        return checkpoint
