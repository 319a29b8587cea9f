"""The server in this process, beside an embedded lab, and what a page asks of it."""

import asyncio
import io
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from lab.serving.serve import StandingLab, standing_lab
from services.hello.settings import HelloSettings
from services.runtime.http import Address
from services.sites.settings import SitesSettings
from services.watch.server import watch_served
from services.watch.settings import RunLimits, WatchSettings

LOOPBACK = Address("127.0.0.1", 0)
NOWHERE = "http://127.0.0.1:9"  # nothing listens there
STAND_IN = (sys.executable, "-m", "tests.watch.stand_in")
QUICK = RunLimits(run_s=30, grace_s=20)  # a client that ends at SIGINT may take long on a busy machine
IMPATIENT = replace(QUICK, grace_s=0.2)
TIMEOUT_S = 20.0
TOKEN = re.compile(r'name="asynclab-token" content="([^"]+)"')


@dataclass(slots=True)
class Browser:
    """What a page does: asks with its token, and reads the stream of events."""

    url: str
    session: aiohttp.ClientSession
    token: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    async def load(self) -> str:
        """Load the page, take its token, and return its text."""
        async with self.session.get(f"{self.url}/") as response:
            text = await response.text()
        found = TOKEN.search(text)
        assert found, text
        self.token = found[1]
        return text

    async def ask(self, method: str, path: str, body: object = None, **fields: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        headers = {"X-Asynclab-Token": self.token, **fields}
        data = io.BytesIO(body) if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        async with self.session.request(method, f"{self.url}{path}", data=data, headers=headers) as response:
            return response.status, await response.json()

    async def run(self, program: str = "wget", **options: object) -> dict[str, Any]:
        """Start a run, and return it."""
        status, run = await self.ask("POST", "/api/runs", {"program": program, "options": options})
        assert status == 201, run
        found: dict[str, Any] = run
        return found

    @asynccontextmanager
    async def events(self, last: str = "") -> AsyncIterator["Events"]:
        """Read the stream of events while inside; `last`: the Last-Event-ID."""
        headers = {"Last-Event-ID": last} if last else {}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.session.get(f"{self.url}/api/events", headers=headers, timeout=timeout) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield Events(response.content)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream."""

    id: str
    name: str
    data: Any


@dataclass(slots=True)
class Events:
    """The stream of events as it is read. `beats`: how many comment lines came; `last`: the id of the last event."""

    content: aiohttp.StreamReader
    beats: int = 0
    last: str = ""

    async def next(self) -> Event:
        """Return the next event."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                block = (await self.content.readuntil(b"\n\n")).decode()
                if block.startswith(":"):
                    self.beats += 1
                    continue
                parts = dict(line.split(": ", 1) for line in block.strip().splitlines())
                self.last = parts["id"]
                return Event(parts["id"], parts["event"], json.loads(parts["data"]))

    async def until(self, name: str, **wanted: object) -> Event:
        """Return the next event of a name whose data has these values."""
        while True:
            event = await self.next()
            if event.name == name and wanted.items() <= event.data.items():
                return event

    async def end_of(self, run_id: str) -> tuple[list[Any], dict[str, Any]]:
        """Return the events of a run's trace from here on, and the run when it has ended."""
        traced: list[Any] = []
        first = None
        while True:
            event = await self.next()
            if event.name != "run" or event.data["id"] != run_id:
                continue
            if "events" in event.data:
                first = event.data["first"] if first is None else first
                assert event.data["first"] == first + len(traced)
                traced += event.data["events"]
            elif event.data["run"]["state"] != "running":
                found: dict[str, Any] = event.data["run"]
                return traced, found


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Browser]:
    """Open a page, as another person with another browser would."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        opened = Browser(url, session)
        await opened.load()
        yield opened


@asynccontextmanager
async def watched(lab: str = NOWHERE, behaviour: str = "ends", **changes: Any) -> AsyncIterator[Browser]:
    """Serve the page of a lab, with the stand-in for the client, and yield a browser."""
    usual: Mapping[str, Any] = {
        "where": LOOPBACK,
        "lab": lab,
        "client": (*STAND_IN, behaviour),
        "limits": IMPATIENT if behaviour == "stubborn" else QUICK,
        "look_s": 0.05,
        "drain_s": 0.1,
    }
    async with watch_served(WatchSettings(**{**usual, **changes})) as address, browser(address.url) as opened:
        yield opened


@asynccontextmanager
async def lab_and_page(behaviour: str = "ends", **changes: Any) -> AsyncIterator[tuple[StandingLab, Browser]]:
    """Serve an embedded lab, and its page."""
    async with (
        standing_lab(HelloSettings(delay_s=0), SitesSettings()) as lab,
        watched(lab.gateway.url, behaviour, **changes) as opened,
    ):
        yield lab, opened
