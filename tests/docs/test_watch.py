"""docs/watch.md has every route, event, program, option, limit and variable of the page's server."""

import asyncio
import re

import aiohttp
import pytest

from services.runtime.process import MIB
from services.runtime.serving.loop_lag import LoopLag
from services.watch.app import Parts, make_app
from services.watch.events import history, stream
from services.watch.lab.client import LabClient
from services.watch.lab.services import Services
from services.watch.lab.view import LabView
from services.watch.page_files import PageFiles
from services.watch.responses import MAX_BODY_BYTES
from services.watch.runs.options import Choice, Targets, Whole
from services.watch.runs.programs import programs
from services.watch.runs.runs import Runs
from services.watch.settings import WatchSettings
from tests.docs.pages import ROOT, inline_code, rows, section, text_of

PAGE = text_of(ROOT / "docs/watch.md")
SETTINGS = WatchSettings()


@pytest.mark.anyio
async def test_every_route_is_there() -> None:
    """Those of the API, and no other."""
    told = history.History()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        client = LabClient(SETTINGS.lab, session)
        view = LabView(client, told)
        runs = Runs(SETTINGS, programs(has_broker=True), told, tasks)
        app = make_app(SETTINGS, Parts("", PageFiles(), told, runs, view, Services(client, view, told, LoopLag())))
    routes = {f"{each.method} {each.resource.canonical}" for each in app.router.routes() if each.resource}
    api = {each for each in routes if " /api/" in each and not each.startswith("HEAD ")}
    described = {name for cell, *_ in rows(section(PAGE, "The API")) for name in inline_code(cell)}
    assert described == {each.replace("{id}", "ID").replace("{host}", "HOST") for each in api}


def test_every_event_is_there() -> None:
    """What the server publishes."""
    sources = [file.read_text("utf-8") for file in (ROOT / "services/watch").rglob("*.py")]
    published = {name for source in sources for name in re.findall(r'\b(?:publish|frame)\("(\w+)"', source)}
    described = {name for cell, *_ in rows(section(PAGE, "The stream of events")) for name in inline_code(cell)}
    assert described == published | {"run"}


def test_every_program_and_option_is_there() -> None:
    """With its choices and bounds."""
    table = {inline_code(name)[0]: options for name, options in rows(section(PAGE, "What may be run"))}
    known = programs(has_broker=True)
    assert set(table) == set(known)
    for program in known.values():
        for option in program.options:
            text = table[program.name]
            assert f"`{option.name}`" in text
            match option:
                case Choice(name=name, choices=choices) if name != "loop":
                    assert all(f"`{choice}`" in text for choice in choices)
                case Whole(most=most) | Targets(most=most):
                    assert f"1 to {most:,}" in text


def test_every_limit_is_there() -> None:
    limits = SETTINGS.limits
    kept = f"the last {limits.kept} are kept, of each {limits.events:,} events and {limits.trace_bytes // MIB} MiB"
    text = " ".join(PAGE.split())
    assert f"{kept} at most, of all {limits.kept_bytes // MIB} MiB" in text
    assert f"{MAX_BODY_BYTES // 1024} KiB at most: else 413" in text
    assert f"The last {history.MAX_EVENTS:,} of them, or {history.MAX_BYTES // MIB} MiB, are kept" in text
    assert f"every {SETTINGS.beat_s:g} s" in text
    assert f"{stream.MAX_STREAMS} pages may look on" in text


def test_every_variable_is_there() -> None:
    source = (ROOT / "services/watch/settings.py").read_text("utf-8")
    named = {
        name for cell, *_ in rows(section(PAGE, "Beside a lab that stands elsewhere")) for name in inline_code(cell)
    }
    assert named == set(re.findall(r'"(WATCH_\w+)"', source))
