"""A site: its hosts with their plans, its journal, its counters. It has no sockets: connections and the admin side do.

Everything happens on one thread, so a change of plan or of recordings is atomic: the next request sees all of it.
"""

import logging
import socket
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from services.sites.budget import Budget
from services.sites.faults.active import ActivePlan
from services.sites.faults.plan import BadPlan, Problem, Rule, misplaced
from services.sites.host import Host, Outcomes
from services.sites.http.request import Request
from services.sites.http.response import Refused
from services.sites.journal import CachedExchange, Journal
from services.sites.replay.recording import Recording, unmatched
from services.sites.settings import SitesSettings
from services.sites.states_and_deadlines import State

SHARED = "this host shares its port with others, and who is meant is known only after the connection is accepted"
LOOPBACK = frozenset({"127.0.0.1", "localhost"})
LATENESS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

log = logging.getLogger(__name__)


class OpenConnection(Protocol):
    """A connection, as its site knows it: its state, since when, and how to end it."""

    state: State
    since: float

    def expire(self) -> None:
        """Act on a state that has lasted too long."""

    def drain(self) -> None:
        """End, unless an answer is on its way."""

    def leave(self, reason: str) -> None:
        """End at once; `reason` is for the journal."""


class Handshake(Protocol):
    """A TLS session that its peer has not gone on with since the connection began."""

    since: float

    def make_room(self) -> None:
        """End at once, and give back the session's memory."""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """The answer to a request that came before, byte for byte.

    `wire`: what is sent; `keep`: the connection stays open; `is_last`: the client has said that nothing more will come.
    """

    host: Host
    wire: bytes
    keep: bool
    is_last: bool
    exchange: CachedExchange


class Lateness:
    """How much longer than asked for pauses were: a histogram over LATENESS_S, and the greatest."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENESS_S) + 1)
        self.sum_s = self.greatest_s = 0.0

    def observe(self, late_s: float) -> None:
        """Count one pause."""
        self.counts[bisect_left(LATENESS_S, late_s)] += 1
        self.sum_s += late_s
        self.greatest_s = max(self.greatest_s, late_s)


class Site:
    """A site: the state that all its connections share.

    `recordings_trouble` and `listeners_trouble`: why the site is not ready; nothing where it is.
    """

    def __init__(self, settings: SitesSettings, recordings: Mapping[str, Recording] | None = None) -> None:
        self.settings = settings
        self.budget = Budget.of(settings.memory_bytes)
        self.hosts: dict[str, Host] = {}
        self.max_connections = min(settings.max_connections, self.budget.max_connections)
        self.journal = Journal(settings.journal_entries, settings.journal_bytes, held_bytes=self.budget.journal.limit)
        self.lateness = Lateness()
        self.known: dict[bytes, CachedResponse] = {}
        self.connections: set[OpenConnection] = set()
        self.arriving: set[socket.socket] = set()  # that the gateway has handed over, and that have no connection yet
        self.handshakes: dict[Handshake, None] = {}  # TLS sessions that are not agreed on; the oldest first
        self.outcomes_without_host: Outcomes = Counter()  # of exchanges that no host had a part in
        self.relayed: dict[
            tuple[str, str], str
        ] = {}  # by both ends of a gateway's connection, the client that it is for
        self.accepted = 0
        self.turned_away = 0
        self.generation = 0
        self.draining = False
        self.played_bytes = 0  # of `budget.recordings`, by plays
        self.recordings_trouble, self.listeners_trouble = "the recordings have not been read yet", ""
        if recordings:
            self.adopt(recordings)

    @property
    def trouble(self) -> str:
        """Why it is not ready; nothing where it is."""
        return self.recordings_trouble or self.listeners_trouble

    @property
    def shared(self) -> str:
        """Why hosts have no port of their own; nothing where they have."""
        return "" if self.settings.own_ports or len(self.settings.hosts) == 1 else SHARED

    def is_over(self, *, more: int = 0) -> bool:
        """Return whether there are more connections than there may be, with so many more."""
        return len(self.connections) + len(self.arriving) + more > self.max_connections

    def is_short(self) -> bool:
        """Return whether more than three quarters of what connections need are in use."""
        return len(self.connections) * 4 > self.max_connections * 3 or self.budget.tls.is_short

    def adopt(self, recordings: Mapping[str, Recording]) -> None:
        """Replay these recordings from now on. A plan stays in force, unless its sidecar changed or it does not fit.

        Raises BadPlan, and changes nothing, where a sidecar's plan cannot be.
        """
        for name, recording in recordings.items():
            if problems := self._problems(recording.longest_head_bytes, recording.sidecar.plan):
                raise BadPlan([Problem(f"{name}.toml: {each.field}", each.reason) for each in problems])
        before, self.hosts = self.hosts, {}
        for name, recording in recordings.items():
            host = before.get(name) or Host(recording)
            old = host.recording
            host.replay(recording)
            self.hosts[name] = host
            if name not in before or old.sidecar.plan != recording.sidecar.plan or not self._fits(host):
                self.reset_plan(name)
        for name in before.keys() - recordings.keys():
            self._go_on_with_plays(before[name])
        self.known.clear()
        recorded_bytes = sum(recording.all_held_bytes for recording in recordings.values())
        self.budget.recordings.used = recorded_bytes + self.played_bytes
        self.recordings_trouble = ""

    @property
    def recordings_room(self) -> int:
        """How many bytes more, of recordings or plays, there is room for beside another set of recordings."""
        return self.budget.recordings_room - self.budget.recordings.used

    def count_played_bytes(self, more: int) -> None:
        """Note that plays have so many bytes more, or less."""
        self.played_bytes += more
        self.budget.recordings.used += more

    def set_plan(self, name: str, plan: tuple[Rule, ...], *, source: str = "admin") -> ActivePlan:
        """Put a plan in force. Raises BadPlan, and changes nothing, where it cannot be."""
        host = self.hosts[name]
        in_force = self._in_force(host, plan, source)
        host.put_in_force(in_force)
        host.below = None
        return in_force

    def set_temporary_plan(self, name: str, plan: tuple[Rule, ...], *, for_s: float) -> ActivePlan:
        """Put a plan in force for so long at most, in place of another temporary one if there is one.

        Raises BadPlan, and changes nothing, where it cannot be.
        """
        host = self.hosts[name]
        in_force = self._in_force(host, plan, "temporary")
        host.below, host.until_s = host.below or host.latest, monotonic() + for_s
        host.put_in_force(in_force)
        return in_force

    def end_temporary_plan(self, name: str, generation: int) -> None:
        """Put the plan below in force again, unless another than the temporary one of that generation is in force."""
        host = self.hosts[name]
        if host.below is not None and host.latest.generation == generation:
            host.put_in_force(host.below)
            host.below = None

    def end_old_plans(self, now: float) -> None:
        """End every temporary plan whose time has run out."""
        for host in self.hosts.values():
            if host.below is not None and now >= host.until_s:
                self.end_temporary_plan(host.name, host.latest.generation)

    def reset_plan(self, name: str) -> ActivePlan:
        """Put the sidecar's plan in force again."""
        return self.set_plan(name, self.hosts[name].recording.sidecar.plan, source="sidecar")

    def put_back(self, host: Host, plan: ActivePlan, *, below: ActivePlan | None, until_s: float) -> None:
        """Put plans in force again that were in force before. Where they no longer fit, the sidecar's is."""
        host.put_in_force(plan)
        host.below, host.until_s = below, until_s
        if not self._fits(host):
            self.reset_plan(host.name)

    def refuses(self, name: str) -> bool:
        """Return whether a host's port is to be closed."""
        plan = self.hosts[name].plan
        return plan is not None and plan.refuses(monotonic())

    def host_for(self, request: Request, own: str | None) -> Host:
        """Return the host that a request is for; raise Refused (421) where there is none.

        `own`: the host whose port the request came to, None for a port of several. A client that was given the URL of
        this port, http://127.0.0.1:PORT, names the address and not the host.
        """
        name = own if own and request.host in LOOPBACK else request.host or own
        if name is None and len(self.hosts) == 1:
            name = next(iter(self.hosts))
        host = self.hosts.get(name or "")
        if host is None:
            raise Refused(421, f"this lab has no such site; it knows {known_names(self.hosts)}")
        return host

    def _in_force(self, host: Host, plan: tuple[Rule, ...], source: str) -> ActivePlan:
        """Return a plan that begins now. Raises BadPlan where it cannot be."""
        if problems := self._problems(host.longest_head_bytes, plan):
            raise BadPlan(problems)
        self.generation += 1
        return ActivePlan(plan, generation=self.generation, source=source, now=monotonic())

    def _go_on_with_plays(self, host: Host) -> None:
        """Keep a host that is not recorded any more, where it has plays."""
        if host.plays:
            host.replay(unmatched(host.name))
            self.hosts[host.name] = host

    def _problems(self, head_bytes: int, plan: tuple[Rule, ...]) -> list[Problem]:
        return misplaced(plan, head_bytes=head_bytes, shared=self.shared)

    def _fits(self, host: Host) -> bool:
        fits = not any(self._problems(host.longest_head_bytes, each.plan) for each in (host.latest, host.below) if each)
        if not fits:
            log.warning("%s: its plan no longer fits its recording; its sidecar's plan is in force", host.name)
        return fits


def known_names(hosts: Mapping[str, Host], *, most: int = 10) -> str:
    """Return the names of the sites, not more than fit in a line."""
    names = sorted(hosts)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
