"""Runs over HTTP: start one, stop one, its trace. `report` has the report."""

from collections.abc import Sequence

from aiohttp import web

from services.watch.lab.handlers import LAB
from services.watch.responses import json_response, read_object
from services.watch.runs.runs import RUNS

LINES_AT_ONCE = 1_000


async def start(request: web.Request) -> web.Response:
    """Start a run."""
    lab = request.app[LAB]
    asked = await read_object(request)
    if not lab.hosts:
        await lab.look()
    run = request.app[RUNS].start(asked, lambda: lab.hosts)
    return json_response(run.as_json(), status=201)


async def stop(request: web.Request) -> web.Response:
    """Stop a run; one that has ended stays as it is."""
    return json_response(request.app[RUNS].stop(request.match_info["id"]).as_json())


async def trace(request: web.Request) -> web.StreamResponse:
    """Return the trace of a run as a file, as far as it has come."""
    run = request.app[RUNS].of(request.match_info["id"])
    lines: Sequence[bytes] = run.lines[:]
    name = f"{run.program}-{run.id}.trace.json"
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Disposition": f'attachment; filename="{name}"'}
    )
    await response.prepare(request)
    if request.method != "HEAD":
        await response.write(b"[\n")
        for begin in range(0, len(lines), LINES_AT_ONCE):
            some = lines[begin : begin + LINES_AT_ONCE]
            more = b",\n" if begin + len(some) < len(lines) else b"\n"
            await response.write(b",\n".join(some) + more)
        await response.write(b"]\n")
        await response.write_eof()
    return response
