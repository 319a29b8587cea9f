"""How late a loop is: measured by the sweep of each serving program, and told at /metrics."""

import re
import time

import aiohttp
import anyio.to_thread
import pytest
from aiohttp import web
from blockbuster import BlockBuster
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from services.runtime.http import Address
from services.runtime.serving.healthcheck import ready
from services.runtime.serving.loop_lag import KEPT, LoopLag, process_lines
from services.runtime.serving.metrics import exposition, healthy
from services.runtime.serving.serve import LAG, serve_app

LOOPBACK = Address("127.0.0.1", 0)
HELD_S = 0.5


def test_the_longest_of_the_last_few_seconds_counts() -> None:
    """It is forgotten after so many sweeps; a sweep that was early is not late."""
    lag = LoopLag()
    lag.note(-1.0)
    assert lag.longest_s == 0
    lag.note(0.5)
    for _ in range(KEPT - 1):
        lag.note(0.1)
    assert lag.longest_s == 0.5
    lag.note(0.1)
    assert lag.longest_s == 0.1


def test_the_lines_are_metrics() -> None:
    """As a program for them reads them."""
    lines = process_lines(LoopLag(), memory_bytes=7)
    families = {each.name: each.samples[0].value for each in text_string_to_metric_families(lines)}
    assert families == {"process_loop_lag_seconds": 0, "process_memory_bytes": 7}


@pytest.mark.anyio
async def test_a_call_that_holds_the_loop_is_seen_at_metrics(blockbuster: BlockBuster) -> None:
    """For a while after it has ended, too."""
    blockbuster.deactivate()
    app = web.Application()
    lag = app[LAG] = LoopLag()

    async def hold(_request: web.Request) -> web.Response:
        time.sleep(HELD_S)  # noqa: ASYNC251 - that is what is seen
        return web.Response()

    app.add_routes([web.get("/metrics", exposition(CollectorRegistry(), lag)), web.get("/hold", hold)])
    async with serve_app(app, LOOPBACK, drain_s=0) as address, aiohttp.ClientSession(address.url) as session:
        async with session.get("/hold"):
            pass
        while not lag.longest_s:  # up to the end of the sweep that was held
            async with session.get("/metrics"):
                pass
        async with session.get("/metrics") as response:
            text = await response.text()
    found = re.search(r"^process_loop_lag_seconds (\S+)$", text, re.MULTILINE)
    assert found
    assert 0 < float(found[1]) <= lag.longest_s
    assert "process_memory_bytes" in text


@pytest.mark.anyio
async def test_a_health_check_may_name_an_address() -> None:
    """A server may listen at one address of its machine alone."""
    app = web.Application()
    app.add_routes([web.get("/readyz", healthy)])
    async with serve_app(app, Address("127.0.0.2", 0), drain_s=0) as address:
        assert await anyio.to_thread.run_sync(ready, address.port, "/readyz", address.host)
        with pytest.raises(OSError, match="refused"):
            await anyio.to_thread.run_sync(ready, address.port)
