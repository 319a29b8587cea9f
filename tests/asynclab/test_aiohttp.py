"""The resolver for aiohttp's client, on both loops."""

import ssl
from collections.abc import AsyncIterator

import aiohttp
import anyio.to_thread
import pytest

from asynclab import Lab, LabError
from asynclab.aiohttp import Resolver
from asynclab.connection.admin import Admin
from asynclab.connection.description import Description
from asynclab.connection.gateway import Gateway

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def session(lab: Lab, anyio_backend: object) -> AsyncIterator[aiohttp.ClientSession]:
    """A session in which the lab's names lead to the lab."""
    context = await anyio.to_thread.run_sync(lambda: ssl.create_default_context(cafile=lab.ca_file))
    connector = aiohttp.TCPConnector(resolver=Resolver(lab), ssl=context, use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def test_real_names_lead_to_the_lab(lab: Lab, session: aiohttp.ClientSession) -> None:
    """Over HTTP and TLS, with certificates that are verified; a host that was added later too."""
    await anyio.to_thread.run_sync(lab.play, "api.example", OK)
    for url in ("http://api.example/", "https://api.example/", "http://API.example./"):
        async with session.get(url) as response:
            assert await response.text() == "ok"
    async with session.get("https://www.sohu.com/", allow_redirects=False) as response:
        assert response.status == 200
    site = lab.site("api.example")
    await anyio.to_thread.run_sync(lambda: site.verify(count=3, method="GET"))


@pytest.mark.parametrize("url", ["http://elsewhere.example/", "http://www.163.com:81/"])
async def test_what_the_lab_does_not_have_is_not_found(session: aiohttp.ClientSession, url: str) -> None:
    """No question about the name leaves the machine."""
    with pytest.raises(aiohttp.ClientConnectorDNSError) as caught:
        await session.get(url)
    assert str(caught.value.os_error.strerror).endswith("is not in the lab")


async def test_a_lab_in_containers_has_no_addresses_to_resolve_to(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names are those of another network: the error says what to do."""
    here = lab._admin.description
    there = Description(here.gateway, None, "http://hello:8000", here.sites, direct=False)
    monkeypatch.setattr(lab._lab, "admin", Admin(Gateway(lab.proxy_url, timeout_s=9), there))
    with pytest.raises(LabError, match=r"use proxy=lab\.proxy_url instead"):
        Resolver(lab)
