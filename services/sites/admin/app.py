"""The admin application: all its routes. `openapi` describes each of them, and a test compares the two."""

from aiohttp import web
from prometheus_client import CollectorRegistry

from services.runtime.serving.allowed_hosts import MISDIRECTED, HostRefusal, allowed_hosts, host_check
from services.runtime.serving.loop_lag import LoopLag
from services.runtime.serving.metrics import Handler, exposition, healthy
from services.runtime.serving.serve import LAG, POOL
from services.runtime.terminal import printable
from services.sites.admin import checkpoints, faults, plays
from services.sites.admin.bounds import SITE
from services.sites.admin.journal import handlers as journal
from services.sites.admin.openapi.document import document
from services.sites.admin.responses import MAX_BODY_BYTES, host_of, json_response, refusal, refusals
from services.sites.checkpoints import Checkpoints
from services.sites.faults.plan import Problem
from services.sites.metrics import SiteCollector
from services.sites.plays import Plays
from services.sites.site import Site


def make_admin(site: Site, reconcile: faults.Reconcile) -> web.Application:
    """Return the admin application of a site. `reconcile` is called after each change of plans."""
    registry = CollectorRegistry()
    registry.register(SiteCollector(site))
    own = allowed_hosts(*site.settings.hosts, *site.settings.admin_names, changing=lambda: site.hosts)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[host_check(own, misdirected), refusals])
    app[SITE], app[faults.RECONCILE], app[journal.VERIFY_LOCK] = site, reconcile, journal.CountingLock()
    app[plays.PLAYS] = Plays(site)
    app[checkpoints.CHECKPOINTS] = Checkpoints(app[plays.PLAYS])
    app[POOL], app[LAG] = site.budget.admin, LoopLag()
    app.add_routes(routes(exposition(registry, app[LAG])))
    return app


def routes(metrics: Handler) -> list[web.RouteDef]:
    """Return all routes. `metrics`: answers with what Prometheus reads."""
    return [
        web.get("/healthz", healthy),
        web.get("/readyz", ready),
        web.get("/metrics", metrics),
        web.get("/openapi.json", openapi),
        web.get("/hosts", hosts),
        web.get("/hosts/{host}", head),
        web.get("/fault-kinds", faults.kinds),
        web.get("/faults", faults.all_plans),
        web.put("/faults", faults.set_all),
        web.delete("/faults", faults.clear_all),
        web.post("/faults/reset", faults.reset_all),
        web.get("/faults/{host}", faults.plan_of),
        web.put("/faults/{host}", faults.set_plan),
        web.delete("/faults/{host}", faults.clear),
        web.post("/faults/{host}/reset", faults.reset),
        web.put("/faults/{host}/temporary", faults.set_temporary),
        web.delete("/faults/{host}/temporary", faults.end_temporary),
        web.get("/plays", plays.all_hosts),
        web.delete("/plays", plays.remove_all_of_all),
        web.get("/plays/{host}", plays.of_host),
        web.post("/plays/{host}", plays.add),
        web.delete("/plays/{host}", plays.remove_all),
        web.delete("/plays/{host}/{id}", plays.remove),
        web.post("/checkpoints", checkpoints.take),
        web.post("/checkpoints/{id}/restore", checkpoints.restore),
        web.get("/journal", journal.entries),
        web.delete("/journal", journal.clear),
        web.post("/journal/verify", journal.verify),
    ]


def misdirected(objection: HostRefusal) -> web.Response:
    """Refuse a request for another server, or from a page of another site."""
    word = "misdirected_request" if objection.status == MISDIRECTED else "forbidden"
    return refusal(objection.status, word, [Problem(objection.field, objection.reason)])


async def ready(request: web.Request) -> web.Response:
    """Answer 200 with the hosts, or 503 with the file or the port that is wrong, and the reason."""
    site = request.app[SITE]
    if site.trouble:
        return web.Response(status=503, text=f"{printable(site.trouble)}\n")
    return web.Response(text="".join(f"{host}\n" for host in sorted(site.hosts)))


async def hosts(request: web.Request) -> web.Response:
    """Return the names of the hosts that are played now, whether all is well or not."""
    return json_response({"hosts": sorted(request.app[SITE].hosts)})


async def head(request: web.Request) -> web.Response:
    """Return the head of a host's own recording, every byte as Latin-1."""
    host = host_of(request)
    recording = host.recording
    return json_response({"host": host.name, "status": recording.status, "head": recording.head.decode("latin-1")})


async def openapi(_request: web.Request) -> web.Response:
    """Return the description of this API."""
    return json_response(document())
