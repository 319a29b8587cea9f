"""A server answers to its own host names, and to no page of another site: one table for both servers that check it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.errors import BadSetting
from services.runtime.http import Address
from services.runtime.serving.allowed_hosts import MAX_AUTHORITY_CHARACTERS, allowed_hosts, host_in
from services.runtime.serving.serve import serve_app
from services.runtime.settings import Environment
from services.sites.settings import SitesSettings
from tests.sites.target import KEEP, sites

Served = AbstractAsyncContextManager[Address]
Server = Callable[[Path], Served]

OWN = [
    "localhost",
    "localhost:8000",
    "LocalHost.",
    "localhost:",
    "127.0.0.1:18000",
    "127.255.0.9",
    "[::1]",
    "[0:0:0:0:0:0:0:1]:8000",
    "keep.test",
    "KEEP.Test.:8081",
    "tasks.keep.test",
    "stack_keep",
    "192.0.2.7:9000",
    "[2001:DB8::7]",
]
FOREIGN = [
    "",
    " ",
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "keep.test.evil.example",
    "evilkeep.test",
    "keep.test@evil.example",
    "evil.example@keep.test",
    "keep.test, evil.example",
    "keep.test evil.example",
    "keep.test..",
    "keep.test:80:80",
    "keep.test:port",
    "keep.test:123456",
    "127.1",
    "127.0.0.1.evil.example",
    "0.0.0.0",  # noqa: S104 - some systems take it for loopback
    "2130706433",
    "0x7f.0.0.1",
    "192.0.2.8",
    "[::]",
    "[::ffff:192.0.2.7]",
    "[2001:db8::8]",
    "[::1",
    "::1",
    "[fe80::1%25eth0]",
    "http://localhost",
    "localhost/",
    "h\xf6st",
    f"{'k' * 300}.test",
]


@asynccontextmanager
async def hello(_directory: Path) -> AsyncIterator[Address]:
    """Serve hello."""
    app = make_app(HelloSettings(delay_s=0, names=NAMES))
    async with serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address:
        yield address


@asynccontextmanager
async def admin(directory: Path) -> AsyncIterator[Address]:
    """Serve the admin side of a site."""
    async with sites({"other.test.http": KEEP}, directory, admin_names=NAMES, drain_s=0) as running:
        yield running.admin


NAMES = ("keep.test", "tasks.keep.test", "stack_keep", "192.0.2.7", "2001:db8::7")
both = pytest.mark.parametrize("server", [hello, admin])


async def response_to(address: Address, request: bytes) -> tuple[int, str]:
    """Return the status and the rest of a response; the connection must end by itself."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            said = (await reader.read()).decode("latin-1")
    finally:
        writer.close()
    return int(said.split(" ")[1]), said


def get(*fields: str, target: str = "/healthz", method: str = "GET") -> bytes:
    """Return a request with these fields, after which the connection ends."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", *fields, "Connection: close", "", ""]).encode("latin-1")


@pytest.mark.anyio
@both
async def test_a_server_answers_to_its_own_names_and_no_others(server: Server, tmp_path: Path) -> None:
    """In any case, with a dot at the end, with any port; similar names are refused."""
    async with server(tmp_path) as address:
        answered = {host: (await response_to(address, get(f"Host: {host}")))[0] for host in [*OWN, *FOREIGN]}
    assert answered == dict.fromkeys(OWN, 200) | dict.fromkeys(FOREIGN, 421)


@pytest.mark.anyio
@both
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Host: keep.test", "Origin: http://keep.test:8081"), 200),
        (("Host: keep.test", "Origin: https://LOCALHOST"), 200),
        (("Host: keep.test", "Origin: http://[::1]:3000"), 200),
        (("Host: keep.test", "Origin: http://evil.example"), 403),
        (("Host: keep.test", "Origin: null"), 403),
        (("Host: keep.test", "Origin:"), 403),
        (("Host: keep.test", "Origin: http://keep.test.evil.example"), 403),
        (("Host: keep.test", "Origin: http://keep.test/"), 403),
        (("Host: keep.test", "Origin: http://evil.example@keep.test"), 403),
        (("Host: keep.test", "Origin: keep.test"), 403),
        (("Host: keep.test", "Origin: chrome-extension://keep.test"), 403),
        (("Host: keep.test", "Origin: http://keep.test", "Origin: http://evil.example"), 403),
        (("Host: keep.test", "Sec-Fetch-Site: cross-site"), 403),
        (("Host: keep.test", "Sec-Fetch-Site: Cross-Site "), 403),
        (("Host: keep.test", "Sec-Fetch-Site: same-origin"), 200),
        (("Host: keep.test", "Sec-Fetch-Site: none"), 200),
    ],
    ids=lambda each: " ".join(each[1:]) if isinstance(each, tuple) else str(each),
)
async def test_a_page_of_another_site_is_refused(
    server: Server, tmp_path: Path, fields: tuple[str, ...], status: int
) -> None:
    """The browser sends the page's origin; `null` is another site's, too."""
    async with server(tmp_path) as address:
        assert (await response_to(address, get(*fields)))[0] == status


@pytest.mark.anyio
@both
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("Host: keep.test", target="http://keep.test/healthz"), 200),
        (get("Host: keep.test", target="http://evil.example/healthz"), 421),
        (get("Host: keep.test", target="http://keep.test@evil.example/healthz"), 421),
        (get("Host: keep.test", target="evil.example:443", method="CONNECT"), 421),
        (get("Host: evil.example", target="/nowhere"), 421),
        (get("Host: evil.example", target="/", method="OPTIONS"), 421),
        (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 421),
        (b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421),
        (get(), 400),
        (get("Host: keep.test", "Host: keep.test"), 400),
    ],
    ids=lambda each: each.split(b"\r\nConn")[0].decode() if isinstance(each, bytes) else str(each),
)
async def test_a_target_in_absolute_form_and_old_requests_are_no_way_around(
    server: Server, tmp_path: Path, request_: bytes, status: int
) -> None:
    """RFC 9112, section 3.2: a target's authority counts, not the Host; exactly one Host is required."""
    async with server(tmp_path) as address:
        assert (await response_to(address, request_))[0] == status


@pytest.mark.anyio
@both
async def test_a_body_is_not_waited_for(server: Server, tmp_path: Path) -> None:
    """The refusal comes before any byte of the body."""
    request = b"PUT /faults HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n"
    async with server(tmp_path) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"HTTP/1.1 421 ")
        writer.close()


@pytest.mark.anyio
async def test_a_refusal_is_one_line_with_the_allowed_hosts(tmp_path: Path) -> None:
    """The peer's text is escaped and cut, and only a few names are listed."""
    app = make_app(HelloSettings(names=tuple(f"name-{number}" for number in range(1000))))
    async with serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address:
        _status, said = await response_to(address, get(f"Host: \x9b31m{'x' * 5000}"))
    line = said.partition("\r\n\r\n")[2]
    assert line.startswith(r"Host: '\x9b31mxxx")
    assert "this server is localhost, gateway, hello, name-0, " in line
    assert "more\n" in line
    assert len(line) < 400


def test_hosts_that_change_are_checked_as_they_are_now() -> None:
    """As the host of a recording that was added a moment ago."""
    hosts: set[str] = set()
    allowed = allowed_hosts("fixed.test", changing=lambda: hosts)
    assert not allowed.allows("new.test")
    hosts.add("new.test")
    assert allowed.allows("new.test:8081")
    assert "new.test" in str(allowed)


def test_a_host_that_is_too_long_is_none() -> None:
    """No host name is longer."""
    assert host_in("a" * MAX_AUTHORITY_CHARACTERS) is not None
    assert host_in("a" * (MAX_AUTHORITY_CHARACTERS + 1)) is None


@pytest.mark.parametrize("variable", ["HELLO_NAMES", "SITES_ADMIN_NAMES"])
def test_the_environment_can_allow_more_hosts(variable: str) -> None:
    """For a service of a Swarm, or for a scraper that uses an address."""

    def read(text: str) -> tuple[str, ...]:
        environment = Environment({variable: text})
        if variable == "HELLO_NAMES":
            return HelloSettings.from_environment(environment).names
        return SitesSettings.from_environment(environment).admin_names

    assert read("Tasks.Hello, lab_hello 192.0.2.7 [2001:db8::7]") == (
        "tasks.hello",
        "lab_hello",
        "192.0.2.7",
        "[2001:db8::7]",
    )
    for bad in ("http://hello", "hello:8000", "*", "a..b", "[::1"):
        with pytest.raises(BadSetting, match=f"^{variable}=.* is not a list of host names and addresses"):
            read(bad)
