"""The gateway's own pages: what a client finds out about the lab, and under which names it may ask."""

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from lab.embedded.gateway import embedded_gateway
from services.gateway.proxy.directory import ComposeDirectory
from services.gateway.proxy.responses import PATHS, Pages
from services.runtime.http import Address
from services.sites.server import RunningSite
from tests.gateway.proxy.gateways import gateway_of
from tests.sites.peer import Heard, Peer
from tests.sites.target import KEEP, sites

pytestmark = pytest.mark.anyio

HELLO = Address("127.0.0.1", 41001)


async def page(gateway: Address, path: str, *, host: str = "", method: str = "GET", fields: str = "") -> Heard:
    """Return what a request for a page gets."""
    request = f"{method} {path} HTTP/1.1\r\nHost: {host or gateway}\r\n{fields}\r\n".encode()
    return await anyio.to_thread.run_sync(Peer(gateway, "gateway").ask, request)


def body_of(heard: Heard, status: bytes = b"200 OK") -> bytes:
    """Return the body of a whole response with that status."""
    head, _, body = heard.data.partition(b"\r\n\r\n")
    assert heard.end == "fin"
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head
    assert head.endswith(b"Connection: close")
    return body


def addresses(running: RunningSite, host: str) -> tuple[Address, Address]:
    """Return where a host answers itself."""
    http, tls = running.listeners.of(host)
    return http, tls


async def test_lab_says_where_everything_is(tmp_path: Path) -> None:
    """One JSON object, of which each URL works."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running, embedded_gateway(running, HELLO) as gateway:
        http, tls = addresses(running, "keep.test")
        assert json.loads(body_of(await page(gateway, "/lab"))) == {
            "v": 1,
            "gateway": gateway.url,
            "ca": str(running.site.settings.ca / "ca.pem") if running.site.settings.ca else None,
            "hello": HELLO.url,
            "direct": True,
            "sites": {"keep.test": {"http": http.url, "tls": f"https://{tls}", "admin": running.admin.url}},
        }
        named = json.loads(body_of(await page(gateway, "/lab", host="localhost:99")))
        assert named["gateway"] == "http://localhost:99"


async def test_ca_pem_is_the_certificate(tmp_path: Path) -> None:
    """With which a client verifies every host."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running, embedded_gateway(running, HELLO) as gateway:
        pem = body_of(await page(gateway, "/ca.pem"))
        assert pem == await anyio.to_thread.run_sync(running.authority.certificate)


async def test_ready_means_ready(tmp_path: Path) -> None:
    """A site that is in trouble makes /readyz 503, and /healthz stays as it is."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running, embedded_gateway(running, HELLO) as gateway:
        assert body_of(await page(gateway, "/readyz")) == b"ok\n"
        running.site.recordings_trouble = "keep.test.http: has no head"
        assert body_of(await page(gateway, "/readyz"), b"503 Service Unavailable") == b"keep.test.http: has no head\n"
        assert body_of(await page(gateway, "/healthz")) == b"ok\n"


async def test_metrics_count_what_happened() -> None:
    """In the text format of Prometheus."""
    async with gateway_of() as ends:
        for request in (b"GET http://x/ HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"):
            await anyio.to_thread.run_sync(ends.ask, request)
        lines = body_of(await page(ends.proxy.address, "/metrics")).decode().splitlines()
        assert 'gateway_refused_total{status="400"} 1' in lines
        assert 'gateway_refused_total{status="502"} 1' in lines
        assert "gateway_pages_total 1" in lines
        assert "gateway_connections_total 3" in lines


@pytest.mark.parametrize("path", PATHS)
async def test_pages_are_read_only(path: str) -> None:
    """HEAD is answered without a body, and no other method is."""
    async with gateway_of() as ends:
        got = await page(ends.proxy.address, path)
        head = await page(ends.proxy.address, path, method="HEAD")
        assert head.data.startswith(got.data.partition(b" ")[0])
        assert head.data.endswith(b"Connection: close\r\n\r\n")
        posted = await page(ends.proxy.address, path, method="POST", fields="Content-Length: 5\r\n")
        assert body_of(posted, b"405 Method Not Allowed") == b"GET, HEAD\n"


async def test_other_paths_are_not_found() -> None:
    """One line says which there are."""
    async with gateway_of() as ends:
        heard = await page(ends.proxy.address, "/")
        assert body_of(heard, b"404 Not Found") == b"the gateway has /lab, /ca.pem, /healthz, /readyz, /metrics\n"
        assert body_of(await page(ends.proxy.address, "/ca.pem"), b"404 Not Found")


async def test_the_address_that_a_client_connects_to_is_a_name_of_the_gateway() -> None:
    """A container has an address of its own, at which the host reaches it; a page cannot make another one up."""
    async with gateway_of() as ends:
        ends.proxy.own_addresses.add("172.18.0.2")
        assert body_of(await page(ends.proxy.address, "/healthz", host="172.18.0.2:3128")) == b"ok\n"
        assert body_of(await page(ends.proxy.address, "/lab", host="172.18.0.3:3128"), b"421 Misdirected Request")
        assert ends.proxy.own_addresses == {"127.0.0.1", "172.18.0.2"}


@pytest.mark.parametrize(
    ("host", "fields", "status"),
    [
        ("evil.example", "", b"421 Misdirected Request"),
        ("www.163.com", "", b"421 Misdirected Request"),
        ("localhost", "Origin: http://evil.example\r\n", b"403 Forbidden"),
        ("localhost", "Sec-Fetch-Site: cross-site\r\n", b"403 Forbidden"),
    ],
)
async def test_a_page_in_a_browser_reaches_no_page_of_the_gateway(host: str, fields: str, status: bytes) -> None:
    """DNS rebinding, and requests across sites."""
    async with gateway_of() as ends:
        assert body_of(await page(ends.proxy.address, "/lab", host=host, fields=fields), status)


def test_in_compose_every_url_is_by_name(tmp_path: Path) -> None:
    """The client reaches them through the gateway, and has no file of the CA."""
    directory = ComposeDirectory({"www.163.com": "netease"}, Address("hello", 8000))
    pages = Pages(directory, metrics=str, ca=tmp_path / "ca.pem")
    assert pages.lab("127.0.0.1:3128", at=Address("172.20.0.2", 3128)) == {
        "v": 1,
        "gateway": "http://127.0.0.1:3128",
        "ca": None,
        "hello": "http://hello:8000",
        "direct": False,
        "takes_hosts": "",
        "address": "http://172.20.0.2:3128",
        "identity": pages.identity,
        "sites": {
            "www.163.com": {
                "http": "http://www.163.com",
                "tls": "https://www.163.com",
                "admin": "http://www.163.com:8081",
            }
        },
    }


async def curl(*words: str) -> tuple[int, bytes]:
    """Return curl's exit code and output."""
    process = await asyncio.create_subprocess_exec("curl", "-sS", "--noproxy", "", *words, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode or 0, out + err


async def curl_version() -> tuple[int, ...]:
    """Return the major and the minor number."""
    _, out = await curl("--version")
    return tuple(map(int, out.split()[1].split(b".")[:2]))


async def test_curl_reaches_hosts_by_their_names(tmp_path: Path) -> None:
    """By http, by https with the lab's CA, and the admin side; no other name."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running, embedded_gateway(running, HELLO) as gateway:
        through = ("-x", gateway.url)
        ca = running.site.settings.ca
        assert ca
        assert await curl(*through, "http://keep.test/") == (0, b"hello")
        assert await curl(*through, "--cacert", str(ca / "ca.pem"), "https://keep.test/") == (0, b"hello")
        assert await curl(*through, "-p", "http://keep.test/") == (0, b"hello")
        code, out = await curl(*through, "http://keep.test:8081/journal?host=keep.test")
        assert code == 0
        assert [entry["tls"] for entry in json.loads(out)["entries"]] == [False, True, False]
        code, out = await curl(*through, "http://example.com/")
        assert (code, out) == (0, b"'example.com' is not in this lab: it has hello, keep.test\n")
        code, out = await curl(*through, "https://example.com/")
        assert code == (7 if await curl_version() >= (8, 20) else 56)  # it refuses the tunnel, and says so since 8.20
        assert b"502" in out
