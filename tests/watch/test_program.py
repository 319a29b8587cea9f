"""`python -m services.watch` as a process: beside a lab that stands, what it needs, and its end."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lab.serving.serve import standing_lab
from services.hello.settings import HelloSettings
from services.runtime.errors import BadSetting
from services.runtime.serving.listen import bind_socket
from services.runtime.settings import LOOPS, Environment
from services.sites.settings import SitesSettings
from services.watch.settings import IN_CONTAINER, WatchSettings
from tests.watch.serving import LOOPBACK, NOWHERE, TIMEOUT_S, browser

pytestmark = pytest.mark.anyio
READY = re.compile(rb"the page of the lab at (\S+) is at (\S+)")
USUAL = {"WATCH_HOST": "127.0.0.1", "WATCH_PORT": "0", "WATCH_LAB": NOWHERE}


@asynccontextmanager
async def started(**environment: str) -> AsyncIterator[tuple[Process, str]]:
    """Start the program on a free port, and yield it and its URL; kill it if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.watch", env=os.environ | USUAL | environment, stdin=DEVNULL, stderr=PIPE
    )
    assert process.stderr
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not (found := READY.search(line := await process.stderr.readline())):
                assert line, "it has ended"
        yield process, f"http://{found[2].decode()}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("loop", LOOPS)
async def test_it_runs_the_client_in_a_lab_that_stands(loop: str) -> None:
    """The run joins the lab through its gateway; its answers are those of the sites."""
    async with (
        standing_lab(HelloSettings(delay_s=0), SitesSettings()) as lab,
        started(WATCH_LAB=lab.gateway.url, LAB_LOOP=loop) as (_process, url),
        browser(url) as page,
        page.events() as events,
    ):
        run = await page.run(targets=["www.163.com"], loop=loop)
        _, ended = await events.end_of(run["id"])
        assert run["command"].endswith(f"--lab {lab.gateway.url} wget --loop {loop} www.163.com")
        assert ended["exit_code"] == 0, ended
        journal = (await page.ask("GET", "/api/sites/www.163.com"))[1]["journal"]
        assert [each["status"] for each in journal] == [302]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_while_pages_look_on(number: signal.Signals) -> None:
    """At once, with exit code 0, and without a traceback; their streams end."""
    async with started() as (process, url), browser(url) as page, page.events() as events:
        await events.next()
        process.send_signal(number)
        _, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        assert (process.returncode, b"Traceback" in err) == (0, False)


async def test_a_port_that_is_taken_is_one_line() -> None:
    """With what to do, and exit code 2."""
    taken = bind_socket(LOOPBACK)
    taken.listen()
    port = str(taken.getsockname()[1])
    refused = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.watch", env=os.environ | USUAL | {"WATCH_PORT": port}, stderr=PIPE
    )
    _, err = await refused.communicate()
    taken.close()
    assert refused.returncode == 2
    assert err.splitlines()[-1].startswith(f"watch: cannot listen on 127.0.0.1:{port} (".encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [("WATCH_PORT", "65536"), ("WATCH_PORT", "8080-8090"), ("WATCH_LAB", "gateway:3128"), ("WATCH_NAMES", "a:80")],
)
async def test_a_setting_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as refused:
        WatchSettings.from_environment(Environment({name: value}))
    assert refused.value.name == name


async def test_beside_the_services_runs_find_hosts_by_their_names() -> None:
    """As every client in a container; elsewhere they join the lab through its gateway."""
    inside = WatchSettings.from_environment(Environment({"LAB_CA": "/lab-ca/ca.pem"}))
    assert (inside.called, dict(inside.client_environment)) == (IN_CONTAINER, {})
    outside = WatchSettings.from_environment(Environment({"WATCH_LAB": "http://127.0.0.1:3128/"}))
    assert dict(outside.client_environment) == {"ASYNCLAB_URL": "http://127.0.0.1:3128"}
