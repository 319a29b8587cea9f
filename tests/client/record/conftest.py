"""A runner of coroutines on each loop, and a function that records from several sites."""

import asyncio
import ssl
from collections.abc import Iterator

import pytest

from services.client.record.options import Options
from services.client.record.program import record
from services.runtime.run import loop_factory
from tests.client.record.web import Record, Web, serving


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[asyncio.Runner]:
    """Return a function that runs a coroutine on each loop; its output is captured in memory, which blocks nothing."""
    with asyncio.Runner(loop_factory=loop_factory(request.param)) as each:
        yield each


@pytest.fixture
def record_all(runner: asyncio.Runner) -> Record:
    """Return a function that records from sites, and returns the exit code."""

    async def go(wanted: Options, web: Web, tls: ssl.SSLContext | None) -> int:
        async with serving(web, tls) as topology:
            return await record(wanted, topology)

    return lambda wanted, web, tls=None: runner.run(go(wanted, web, tls))
