"""Three tests of a client that is made of aiohttp: the lab's resolver leads it to the sites' own addresses.

The hosts of a lab in containers have no addresses on this machine: there the session has the lab's proxy instead.
"""

import asyncio
import ssl
from datetime import timedelta

import aiohttp
import pytest

from asynclab import Lab
from asynclab.aiohttp import Resolver

HOST = "www.sohu.com"
ATTEMPTS = 3
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(session: aiohttp.ClientSession, url: str) -> int:
    """The function under test: aiohttp does not ask again, so this does."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with session.get(url, max_redirects=5) as response:
                if response.status != 503 or attempt == ATTEMPTS:
                    return response.status
                pause_s = int(response.headers["Retry-After"])
        except aiohttp.ClientConnectionError:
            if attempt == ATTEMPTS:
                raise
        else:
            await asyncio.sleep(pause_s)
    raise AssertionError


def session_in(lab: Lab) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=lab.ca_file)
    if lab.is_direct:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Resolver(lab), ssl=context))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), proxy=lab.proxy_url)


async def test_a_reset_is_tried_again(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    async with session_in(lab) as session:
        assert await get(session, f"http://{HOST}/") == 200
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


async def test_retry_after_is_honoured(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    async with session_in(lab) as session:
        assert await get(session, f"https://{HOST}/") == 200
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


async def test_a_redirect_loop_is_refused(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    async with session_in(lab) as session:
        with pytest.raises(aiohttp.TooManyRedirects):
            await get(session, f"http://{HOST}/")
    site.verify(at_most=6)
