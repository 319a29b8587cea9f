"""The application of the page: all its routes. It opens nothing until it is served."""

import asyncio
import json
from dataclasses import dataclass

from aiohttp import web

from services.runtime.serving.allowed_hosts import allowed_hosts, host_check
from services.runtime.serving.metrics import healthy
from services.runtime.settings import VERSION
from services.watch.events.history import History
from services.watch.events.stream import BEAT_S, HISTORY, STATE, events
from services.watch.lab import handlers as lab
from services.watch.lab.services import Services
from services.watch.lab.view import LabView
from services.watch.page_files import PAGE, PageFiles, index, static
from services.watch.protection import TOKEN, add_fields, checks, of_host, refusals
from services.watch.responses import JSON, MAX_BODY_BYTES
from services.watch.runs import handlers as runs
from services.watch.runs.report import LOCK, report
from services.watch.runs.runs import RUNS, SETTINGS, Runs
from services.watch.settings import WatchSettings

NAME = "watch"  # its host name in containers


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application shows. `token`: what a request that changes anything has to have."""

    token: str
    page: PageFiles
    history: History
    runs: Runs
    lab: LabView
    services: Services

    def state(self, settings: WatchSettings) -> dict[str, object]:
        """Return all that a page has to know when it begins."""
        limits = settings.limits
        return {
            "start": self.history.start,
            "version": VERSION,
            "one_process": settings.is_one_process,
            "lab": self.lab.state.as_json(),
            "programs": [each.as_json() for each in self.runs.programs.values()],
            "limits": {"running": limits.running, "kept": limits.kept, "events": limits.events, "run_s": limits.run_s},
            "runs": [each.as_json() for each in self.runs],
            "services": [each.as_json() for each in self.services.last],
        }


def make_app(settings: WatchSettings, parts: Parts) -> web.Application:
    """Return the application."""
    own = allowed_hosts(NAME, *settings.names)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[refusals, host_check(own, of_host), checks])
    app.on_response_prepare.append(add_fields)

    def state_json() -> bytes:
        return json.dumps(parts.state(settings)).encode("ascii")

    async def state(_request: web.Request) -> web.Response:
        """Return all that a page has to know when it begins."""
        if not parts.lab.state.is_healthy:
            await parts.lab.look()
        return web.Response(body=state_json(), content_type=JSON)

    app[TOKEN], app[PAGE], app[HISTORY] = parts.token, parts.page, parts.history
    app[STATE], app[BEAT_S] = state_json, settings.beat_s
    app[RUNS], app[SETTINGS], app[LOCK] = parts.runs, settings, asyncio.Lock()
    app[lab.LAB], app[lab.SERVICES] = parts.lab, parts.services
    app.add_routes(
        [
            web.get("/", index),
            web.get("/static/{path:.+}", static),
            web.get("/healthz", healthy),
            web.get("/readyz", healthy),
            web.get("/api/state", state),
            web.get("/api/events", events),
            web.post("/api/runs", runs.start),
            web.delete("/api/runs/{id}", runs.stop),
            web.get("/api/runs/{id}/trace", runs.trace),
            web.get("/api/runs/{id}/report", report),
            web.get("/api/sites", lab.sites),
            web.get("/api/sites/{host}", lab.site),
            web.put("/api/sites/{host}/faults", lab.set_faults),
            web.delete("/api/sites/{host}/faults", lab.clear_faults),
            web.get("/api/faults", lab.faults),
            web.get("/api/services", lab.services),
        ]
    )
    return app
