"""The report of a run: one HTML file that the client makes of its trace, when a page asks for it.

The client does so as a program, `client report TRACE`, like all that it does here. The trace goes to it by a file,
which is gone when the report is there.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from services.runtime.files.temporary import NoTemporaryDirectory, async_temporary_directory
from services.runtime.process import module_environment, tied_to_parent
from services.watch.responses import Refused
from services.watch.runs.run import Run, State, text_of
from services.watch.runs.runs import RUNS, SETTINGS

TIMEOUT_S = 60.0
LANGUAGES = ("en", "zh")
# The report has its style in it and no script: nothing else is let in, and it is of no origin.
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
TRACE = "trace.json"


LOCK = web.AppKey("LOCK", asyncio.Lock)
"""The lock of reports, which are made one at a time: one takes a processor core, and some memory."""


async def report(request: web.Request) -> web.Response:
    """Return the report of a run that has ended. Raises Refused."""
    run = request.app[RUNS].of(request.match_info["id"])
    language = request.query.get("lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise Refused(400, f"lang: give one of {', '.join(LANGUAGES)}")
    if run.state is State.RUNNING:
        raise Refused(409, f"run {run.id} is under way: its report is there when it has ended")
    if not run.lines:
        raise Refused(404, f"run {run.id} has no trace, and so no report")
    async with request.app[LOCK]:
        html = await html_of(run, language, client=request.app[SETTINGS].client)
    return web.Response(
        body=html, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": CONTENT_POLICY}
    )


async def html_of(run: Run, language: str, *, client: Sequence[str]) -> bytes:
    """Return the HTML that the client makes of a run's trace. Raises Refused."""
    try:
        async with async_temporary_directory("watch-report-") as directory:
            file = directory / TRACE
            await asyncio.to_thread(write_trace, file, run.lines[:])
            command = [*client, "report", str(file), "--language", language, "--command", run.command]
            async with asyncio.timeout(TIMEOUT_S):
                return await output_of(command)
    except TimeoutError as error:
        raise Refused(503, f"the report of run {run.id} was not ready within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise Refused(503, f"no report can be made: {error.strerror or error}") from error
    except NoTemporaryDirectory as error:
        raise Refused(503, f"no report can be made: {error}") from error


def write_trace(file: Path, lines: Sequence[bytes]) -> None:
    """Write the trace of a run. It blocks."""
    with file.open("wb") as written:
        written.write(b"[\n" + b",\n".join(lines) + b"\n]\n")


async def output_of(command: Sequence[str]) -> bytes:
    """Return what a command prints. Raises Refused where it fails, and OSError where it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *tied_to_parent(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **module_environment()},
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise Refused(502, f"no report could be made: {text_of(err)}")
    return out
