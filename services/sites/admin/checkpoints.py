"""Checkpoints over HTTP: a test takes one before it begins, and puts it back when it has ended."""

from aiohttp import web

from services.sites.admin.bounds import SITE
from services.sites.admin.faults import RECONCILE
from services.sites.admin.journal.query import is_digits
from services.sites.admin.plays import refused_plays
from services.sites.admin.responses import json_response
from services.sites.checkpoints import Checkpoint, Checkpoints

CHECKPOINTS = web.AppKey("CHECKPOINTS", Checkpoints)


async def take(request: web.Request) -> web.Response:
    """Take a checkpoint of every host."""
    with refused_plays():
        checkpoint = request.app[CHECKPOINTS].take()
    return json_response(checkpoint_json(request, checkpoint), status=201)


async def restore(request: web.Request) -> web.Response:
    """Put a checkpoint back."""
    text = request.match_info["id"]
    with refused_plays():
        checkpoint = request.app[CHECKPOINTS].restore(int(text) if is_digits(text) else 0)
    await request.app[RECONCILE]()
    return json_response(checkpoint_json(request, checkpoint))


def checkpoint_json(request: web.Request, checkpoint: Checkpoint) -> dict[str, object]:
    """Return what a checkpoint is: its number, the journal's last entry at that time, and the hosts that are here."""
    return {"checkpoint": checkpoint.number, "entry": checkpoint.entry, "hosts": sorted(request.app[SITE].hosts)}
