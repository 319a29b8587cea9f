"""What is done with a request: a table of heads in, and decisions or refusals out."""

import pytest

from services.gateway.proxy.decision import Forward, Page, Tunnel, decide
from services.gateway.proxy.directory import ComposeDirectory, Link
from services.gateway.proxy.messages.request import Refused, read_head
from services.runtime.http import Address
from services.runtime.serving.allowed_hosts import allowed_hosts

PORT = 3128
DIRECTORY = ComposeDirectory({"www.163.com": "netease", "www.sohu.com": "sohu"}, Address("hello", 8000))
OWN = allowed_hosts("gateway")


def decided(raw: bytes) -> Forward | Tunnel | Page:
    """Return what is done with a head."""
    return decide(read_head(raw), DIRECTORY, OWN, own_port=PORT)


FORWARDED: dict[str, tuple[bytes, Address, bytes]] = {
    "as it is usual": (
        b"GET http://www.163.com/a?b HTTP/1.1\r\nHost: www.163.com\r\nA: b\r\n\r\n",
        Address("www.163.com", 80),
        b"GET /a?b HTTP/1.1\r\nHost: www.163.com\r\nA: b\r\n\r\n",
    ),
    "another Host": (
        b"GET http://www.163.com/ HTTP/1.1\r\nA: b\r\nhOST :\twww.sohu.com \r\nC: d\r\n\r\n".replace(b" :", b":"),
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nA: b\r\nhOST:\twww.163.com \r\nC: d\r\n\r\n",
    ),
    "no Host": (
        b"GET http://www.163.com/ HTTP/1.0\r\nA: b\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.0\r\nHost: www.163.com\r\nA: b\r\n\r\n",
    ),
    "an empty Host": (
        b"GET http://www.163.com/ HTTP/1.1\r\nHost:\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost:www.163.com\r\n\r\n",
    ),
    "port 80": (
        b"GET http://www.163.com:80/ HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost: www.163.com:80\r\n\r\n",
    ),
    "an empty port": (
        b"GET http://www.163.com:/ HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost: www.163.com:\r\n\r\n",
    ),
    "the admin port": (
        b"DELETE http://www.163.com:8081/faults HTTP/1.1\r\nHost: www.163.com:8081\r\n\r\n",
        Address("www.163.com", 8081),
        b"DELETE /faults HTTP/1.1\r\nHost: www.163.com:8081\r\n\r\n",
    ),
    "no path": (
        b"GET http://www.163.com HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
    ),
    "a query without a path": (
        b"GET http://www.163.com?a=http://b HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"GET /?a=http://b HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
    ),
    "OPTIONS of all": (
        b"OPTIONS http://www.163.com HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"OPTIONS * HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
    ),
    "OPTIONS of the root": (
        b"OPTIONS http://www.163.com/ HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
        Address("www.163.com", 80),
        b"OPTIONS / HTTP/1.1\r\nHost: www.163.com\r\n\r\n",
    ),
    "capitals and a dot at the end": (
        b"GET HTTP://WWW.163.com./ HTTP/1.1\r\nHost: WWW.163.com.\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost: WWW.163.com.\r\n\r\n",
    ),
    "a service": (
        b"GET http://netease/ HTTP/1.1\r\nHost: netease\r\n\r\n",
        Address("netease", 80),
        b"GET / HTTP/1.1\r\nHost: netease\r\n\r\n",
    ),
    "hello": (
        b"GET http://hello:8000/ HTTP/1.1\r\nHost: hello:8000\r\n\r\n",
        Address("hello", 8000),
        b"GET / HTTP/1.1\r\nHost: hello:8000\r\n\r\n",
    ),
    "bytes that are not ASCII in a path": (
        b"GET http://www.163.com/\xe9\xff HTTP/1.1\r\nHost: www.163.com\r\nX: \xe9\r\n\r\n",
        Address("www.163.com", 80),
        b"GET /\xe9\xff HTTP/1.1\r\nHost: www.163.com\r\nX: \xe9\r\n\r\n",
    ),
    "fields for the next hop": (
        b"GET http://www.163.com/ HTTP/1.1\r\nHost: www.163.com\r\nProxy-Connection: keep-alive\r\n\r\n",
        Address("www.163.com", 80),
        b"GET / HTTP/1.1\r\nHost: www.163.com\r\nProxy-Connection: keep-alive\r\n\r\n",
    ),
}


@pytest.mark.parametrize(("raw", "asked", "sent"), FORWARDED.values(), ids=FORWARDED)
def test_absolute_form_is_passed_on_in_origin_form(raw: bytes, asked: Address, sent: bytes) -> None:
    """RFC 9112, section 3.2.2. The Host field says what the target says; all other bytes stay."""
    decision = decided(raw)
    assert isinstance(decision, Forward)
    assert (decision.asked, decision.head) == (asked, sent)
    assert decision.route == (Address("netease", asked.port) if asked.host != "hello" else asked)


@pytest.mark.parametrize("port", [80, 443, 8081])
@pytest.mark.parametrize("name", ["www.163.com", "WWW.163.COM.", "netease"])
def test_connect_is_a_tunnel(name: str, port: int) -> None:
    """RFC 9110, section 9.3.6: a name and a port."""
    decision = decided(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert decision == Tunnel(Address(name.lower().removesuffix("."), port), Address("netease", port))


def test_connect_to_hello_is_a_tunnel() -> None:
    """hello has one port."""
    assert decided(b"CONNECT hello:8000 HTTP/1.1\r\n\r\n") == Tunnel(Address("hello", 8000), Address("hello", 8000))


@pytest.mark.parametrize(
    ("raw", "page"),
    [
        (b"GET /lab HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n", Page("GET", "/lab", "127.0.0.1:3128")),
        (b"GET /lab?x HTTP/1.1\r\nHost: localhost:9\r\n\r\n", Page("GET", "/lab", "localhost:9")),
        (b"GET /lab HTTP/1.1\r\nHost: gateway:3128\r\n\r\n", Page("GET", "/lab", "gateway:3128")),
        (b"GET http://gateway:3128/lab HTTP/1.1\r\nHost: gateway:3128\r\n\r\n", Page("GET", "/lab", "gateway:3128")),
        (b"GET http://localhost:3128 HTTP/1.1\r\nHost: localhost:3128\r\n\r\n", Page("GET", "/", "localhost:3128")),
    ],
    ids=repr,
)
def test_the_gateways_own_address_has_its_own_pages(raw: bytes, page: Page) -> None:
    """In origin-form, and where a client sends all of its requests to its proxy. No request goes round in a circle."""
    assert decided(raw) == page


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "a name that is not here": (
        b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
        502,
        "'example.com' is not in this lab: it has hello, netease, sohu, www.163.com, www.sohu.com",
    ),
    "CONNECT to a name that is not here": (
        b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
        502,
        "'example.com' is not in this lab: it has hello, netease, sohu, www.163.com, www.sohu.com",
    ),
    "another port": (
        b"GET http://www.163.com:22/ HTTP/1.1\r\nHost: www.163.com:22\r\n\r\n",
        502,
        "www.163.com has no port 22 in this lab",
    ),
    "CONNECT to another port": (b"CONNECT sohu:25 HTTP/1.1\r\n\r\n", 502, "sohu has no port 25 in this lab"),
    "hello's port 80": (
        b"GET http://hello/ HTTP/1.1\r\nHost: hello\r\n\r\n",
        502,
        "hello has no port 80 in this lab",
    ),
    "hello's admin port": (b"CONNECT hello:8081 HTTP/1.1\r\n\r\n", 502, "hello has no port 8081 in this lab"),
    "http to the port of TLS": (b"GET http://sohu:443/ HTTP/1.1\r\n\r\n", 502, "ask for 'sohu:443' by CONNECT"),
    "localhost": (b"GET http://localhost/ HTTP/1.1\r\n\r\n", 502, "'localhost' is not in this lab"),
    "CONNECT to the gateway": (b"CONNECT gateway:3128 HTTP/1.1\r\n\r\n", 502, "'gateway' is not in this lab"),
    "CONNECT to loopback": (b"CONNECT 127.0.0.1:3128 HTTP/1.1\r\n\r\n", 502, "'127.0.0.1' is not in this lab"),
    "another port of loopback": (b"GET http://127.0.0.1:22/ HTTP/1.1\r\n\r\n", 502, "'127.0.0.1' is not in this lab"),
    "an IPv4 address": (b"GET http://10.0.0.1/ HTTP/1.1\r\n\r\n", 502, "'10.0.0.1' is not in this lab"),
    "an address in one number": (b"GET http://2130706433/ HTTP/1.1\r\n\r\n", 502, "'2130706433' is not in this lab"),
    "an IPv6 address": (b"GET http://[::1]/ HTTP/1.1\r\n\r\n", 400, "'[::1]' is an address"),
    "CONNECT to an IPv6 address": (b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n", 400, "is an address"),
    "IPv6 with a zone": (b"GET http://[fe80::1%25eth0]/ HTTP/1.1\r\n\r\n", 400, "is an address"),
    "user information": (b"GET http://a:b@www.163.com/ HTTP/1.1\r\n\r\n", 400, "has user information"),
    "user information that looks like a host": (
        b"GET http://www.163.com:80@example.com/ HTTP/1.1\r\n\r\n",
        400,
        "has user information",
    ),
    "an IDN": ("GET http://例子.test/ HTTP/1.1\r\n\r\n".encode(), 400, "is not ASCII"),
    "a percent sign": (b"GET http://www%2e163.com/ HTTP/1.1\r\n\r\n", 400, "is not a host name"),
    "a backslash": (b"GET http://www.163.com\\@example.com/ HTTP/1.1\r\n\r\n", 400, "has user information"),
    "a name that is too long": (
        b"GET http://" + b"a" * 254 + b"/ HTTP/1.1\r\n\r\n",
        400,
        "is not a host name",
    ),
    "two dots at the end": (b"GET http://www.163.com../ HTTP/1.1\r\n\r\n", 502, "'www.163.com.' is not in this lab"),
    "no host": (b"GET http:///a HTTP/1.1\r\n\r\n", 400, "'' is not a host name"),
    "no host but a port": (b"GET http://:80/ HTTP/1.1\r\n\r\n", 400, "':80' is not a host name"),
    "port 0": (b"CONNECT www.163.com:0 HTTP/1.1\r\n\r\n", 400, "is not a host name"),
    "port 65536": (b"CONNECT www.163.com:65536 HTTP/1.1\r\n\r\n", 400, "has no port from 1 to 65535"),
    "a port with a zero ahead": (b"CONNECT www.163.com:0443 HTTP/1.1\r\n\r\n", 400, "is not a host name"),
    "CONNECT without a port": (b"CONNECT www.163.com HTTP/1.1\r\n\r\n", 400, "has no port from 1 to 65535"),
    "CONNECT with a path": (b"CONNECT www.163.com:443/ HTTP/1.1\r\n\r\n", 400, "is not a host name"),
    "CONNECT in absolute-form": (b"CONNECT http://www.163.com:443 HTTP/1.1\r\n\r\n", 400, "is not a host name"),
    "https": (b"GET https://www.163.com/ HTTP/1.1\r\n\r\n", 400, "https goes through the gateway by CONNECT"),
    "ftp": (b"GET ftp://www.163.com/ HTTP/1.1\r\n\r\n", 400, "and no other scheme"),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n", 400, "the gateway is asked for"),
    "two Host fields": (
        b"GET http://www.163.com/ HTTP/1.1\r\nHost: www.163.com\r\nHost: b\r\n\r\n",
        400,
        "a request has one Host field",
    ),
    "a page under a foreign name": (
        b"GET /lab HTTP/1.1\r\nHost: evil.example:3128\r\n\r\n",
        421,
        "Host 'evil.example:3128' is not here",
    ),
    "a page under a host's name": (b"GET /lab HTTP/1.1\r\nHost: www.163.com\r\n\r\n", 421, "is not here"),
    "a page without a name": (b"GET /lab HTTP/1.0\r\n\r\n", 421, "Host is missing"),
    "a page under two names": (
        b"GET /lab HTTP/1.1\r\nHost: gateway\r\nHost: gateway\r\n\r\n",
        421,
        "Host is there more than once",
    ),
    "a page for another site's page": (
        b"GET /lab HTTP/1.1\r\nHost: localhost:3128\r\nOrigin: http://evil.example\r\n\r\n",
        403,
        "Origin 'http://evil.example' may not ask here",
    ),
    "a page across sites": (
        b"GET /lab HTTP/1.1\r\nHost: localhost:3128\r\nSec-Fetch-Site: cross-site\r\n\r\n",
        403,
        "Sec-Fetch-Site another site's page may not ask here",
    ),
}


@pytest.mark.parametrize(("raw", "status", "reason"), REFUSED.values(), ids=REFUSED)
def test_nothing_goes_anywhere_else(raw: bytes, status: int, reason: str) -> None:
    """Each refusal has one line that says what is wrong."""
    with pytest.raises(Refused) as refused:
        decided(raw)
    assert refused.value.status == status
    assert reason in refused.value.reason
    assert "\n" not in refused.value.reason


def test_a_site_is_told_which_client_a_connection_is_for() -> None:
    """On the ports where a site reads the line, and on no other."""
    client, local = Address("172.18.0.1", 5000), Address("172.18.0.7", 6000)
    told = b"PROXY TCP4 172.18.0.1 172.18.0.7 5000 6000\r\n"
    server = Address("172.18.0.3", 80)
    ports = {
        port: DIRECTORY.announce(Link(Address("www.163.com", port), client, local, server)) for port in (80, 443, 8081)
    }
    assert ports == {80: told, 443: told, 8081: b""}
    assert DIRECTORY.announce(Link(Address("hello", 8000), client, local, server)) == b""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_a_recorded_address_is_not_reached_through_the_gateway(name: str) -> None:
    """To a client it would be another host: the one that it runs on."""
    directory = ComposeDirectory({"127.0.0.1": "recorded", "localhost": "recorded"}, Address("hello", 8000))
    with pytest.raises(Refused, match="is not in this lab"):
        decide(read_head(f"GET http://{name}/ HTTP/1.1\r\n\r\n".encode()), directory, OWN, own_port=PORT)
