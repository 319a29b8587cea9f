"""How the lab is now: whether it answers, its hosts, their plans, and what comes into their journals.

`look` asks for all of it once, and publishes what has changed: events `lab`, `sites` and `journal`. It is called again
and again while a page looks on, and only then. A site's server may have several hosts: each server is asked once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.watch.events.history import History
from services.watch.lab.client import LabAway, LabClient

MAX_SERVERS = 32  # further ones are not asked for their plans and journals until a page asks for one of their hosts
JOURNAL_ENTRIES = 100
MAX_HEAD_CHARACTERS = 2_000
Json = Mapping[str, object]


@dataclass(slots=True)
class Server:
    """A server of sites: the hosts that it has, the first of which stands for it, and their plans.

    `seen`: how many entries of its journal have been passed on; None: none of them has been looked at.
    """

    plans: Mapping[str, Json]
    seen: int | None = None

    @property
    def host(self) -> str:
        return next(iter(self.plans))


@dataclass(frozen=True, slots=True)
class LabState:
    """What a page has to know of the lab. `trouble`: why it does not answer; empty where it does."""

    trouble: str = "nothing has been asked yet"
    hello: str = ""
    sites: Sequence[Json] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.trouble

    def as_json(self) -> dict[str, object]:
        """Return the state as a page gets it."""
        return {"healthy": self.is_healthy, "trouble": self.trouble, "sites": list(self.sites)}


@dataclass(slots=True)
class LabView:
    """The lab as it was when it was last looked at. `hosts`: the names of its sites, also of a lab that is away now.

    `away`: why a host's server does not answer, by host, where the lab itself does.
    """

    client: LabClient
    history: History
    state: LabState = LabState()
    hosts: tuple[str, ...] = ()
    servers: list[Server] = field(default_factory=list)
    away: dict[str, str] = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Ask the lab how it is, and publish what is new. A lab that does not answer is a state, and no error."""
        async with self._looking:
            before = self.state
            try:
                page = (await self.client.page("/lab")).object()
                self.hosts = hosts_in(page)
                await self._find_servers()
                sites = [self._site(host) for host in self.hosts]
                self.state = LabState("", str(page.get("hello", "")), sites)
            except LabAway as away:
                self.state = LabState(str(away), before.hello, before.sites)
                self.servers, self.away = [], {}
            if self.state.trouble != before.trouble:
                self.history.publish("lab", {"healthy": self.state.is_healthy, "trouble": self.state.trouble})
            if self.state.sites != before.sites:
                self.history.publish("sites", {"sites": list(self.state.sites)})
            if self.state.is_healthy:
                await self._read_journals()

    async def _find_servers(self) -> None:
        """Ask each server once for the plans of all its hosts."""
        seen = {host: server.seen for server in self.servers for host in server.plans}
        servers: list[Server] = []
        known: set[str] = set()
        self.away = {}
        for host in self.hosts:
            if host in known or len(servers) + len(self.away) >= MAX_SERVERS:
                continue
            try:
                plans = plans_in((await self.client.admin(host, "GET", "/faults")).object())
            except LabAway as away:
                self.away[host] = str(away)
                continue
            server = Server({host: plans.get(host, {}), **plans}, seen.get(host))
            known |= server.plans.keys()
            servers.append(server)
        self.servers = servers

    def _site(self, host: str) -> Json:
        """Return a host as a page gets it: its name, the first host of its server, and the plan in force.

        `trouble`: why the server does not answer; there is no plan then.
        """
        for server in self.servers:
            if host in server.plans:
                return {"host": host, "server": server.host, "plan": server.plans[host], "trouble": ""}
        return {"host": host, "server": host, "plan": None, "trouble": self.away.get(host, "")}

    async def _read_journals(self) -> None:
        """Publish what has come into the journals; of a server that is seen for the first time, nothing yet."""
        for server in self.servers:
            try:
                await self._read_journal(server)
            except LabAway:
                return  # the next look says what is wrong

    async def _read_journal(self, server: Server) -> None:
        since = server.seen
        query = {"limit": "1"} if since is None else {"since": str(since), "limit": str(JOURNAL_ENTRIES)}
        journal = (await self.client.admin(server.host, "GET", "/journal", query=query)).object()
        total = journal.get("total")
        if not isinstance(total, int):
            return
        if since is not None and total < since:  # it has begun anew
            server.seen = 0
            return
        server.seen = total
        entries = entries_in(journal)
        if since is not None and entries:
            missed = max(0, total - since - len(entries))
            self.history.publish("journal", {"server": server.host, "entries": entries, "missed": missed})


def hosts_in(page: Json) -> tuple[str, ...]:
    """Return the hosts that the page `/lab` of a gateway has. Raises LabAway."""
    sites = page.get("sites")
    if page.get("v") != 1 or not isinstance(sites, dict):
        raise LabAway("what answers in the place of the lab's gateway is not one")
    return tuple(sites)


def plans_in(answer: Json) -> dict[str, Json]:
    """Return the plans in an answer of the admin API, by host."""
    listed = answer.get("hosts")
    found = listed if isinstance(listed, list) else []
    return {str(each["host"]): without_counts(each) for each in found if isinstance(each, dict) and "host" in each}


def without_counts(plan: Json) -> Json:
    """Return a plan without what changes while it is in force."""
    rules = plan.get("faults")
    kept = [
        {name: value for name, value in rule.items() if name not in {"seen", "fired", "remaining_s"}}
        for rule in (rules if isinstance(rules, list) else [])
    ]
    return {**plan, "faults": kept}


def entries_in(journal: Json) -> list[Json]:
    """Return the entries of a journal, with heads of a bounded size."""
    listed = journal.get("entries")
    return [
        {**each, "request_head": str(each.get("request_head", ""))[:MAX_HEAD_CHARACTERS]}
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
    ]
