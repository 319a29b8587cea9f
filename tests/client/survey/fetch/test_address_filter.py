"""--public-only checks the address of each connection."""

import ipaddress
from pathlib import Path

import pytest

from services.client.network.resolver import Resolver
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.topology import Topology
from tests.client.peers import serving
from tests.client.survey.hostile import redirects
from tests.client.survey.surveys import connects_by, record_of

pytestmark = pytest.mark.usefixtures("transport")

SURVEYS_NAMES = "services.client.survey.fetch.fetcher.Resolver"


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104
        ("0.1.2.3", "private"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "not public"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "a cloud's metadata address"),
        ("100.100.100.200", "a cloud's metadata address"),
        ("168.63.129.16", "a cloud's metadata address"),
        ("192.0.0.8", "not public"),
        ("192.0.0.11", "not public"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "a cloud's metadata address"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b:1::808:808", "reserved"),
        ("64:ff9b:1:7f00:0:100:808:808", "reserved"),
        ("::ffff:0:127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("192.88.99.1", "not public"),
        ("5f00::1", "reserved"),
        ("200::1", "reserved"),
        ("100:0:0:1::1", "reserved"),
        ("2001:0:7f00:1::f7f7:f7f7", "loopback"),
        ("2001:0:808:808::80ff:fffe", "loopback"),
        ("3fff:fff::1", "not public"),
        ("2002:a9fe:a9fe::", "a cloud's metadata address"),
    ],
)
def test_what_is_not_public_is_refused(ip: str, kind: str) -> None:
    """The IANA registries, the metadata addresses, and what an IPv6 address carries within."""
    refusal = AddressFilter(public_only=True).refusal(ip)
    assert refusal
    assert kind in refusal or ":" in ip


@pytest.mark.parametrize(
    "ip", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses_are_not_refused(ip: str) -> None:
    """Without the option, no address is."""
    assert AddressFilter(public_only=True).refusal(ip) is None
    assert AddressFilter().refusal("127.0.0.1") is None


def test_an_allowed_network_is_an_exception() -> None:
    """Also for an address that contains one of that network."""
    guard = AddressFilter(
        public_only=True, allowed=[ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    )
    assert guard.refusal("127.1.2.3") is None
    assert guard.refusal("::ffff:127.0.0.1") is None
    assert guard.refusal("fd00::1") is None
    assert guard.refusal("10.0.0.1")


def test_an_exception_is_no_way_to_another_address() -> None:
    """A Teredo address contains two (RFC 4380): its server may be allowed while its client is not."""
    guard = AddressFilter(public_only=True, allowed=[ipaddress.ip_network("10.0.0.0/8")])
    assert guard.refusal("2001:0:a00:1::f5ff:fffe") is None
    assert guard.refusal("2001:0:a00:1::80ff:fffe")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "http://0", "localhost"]
)
async def test_no_spelling_of_loopback_gets_through(target: str, tmp_path: Path) -> None:
    """The address is checked, and the resolver reads all of these."""
    record = await record_of(target, tmp_path / "out", public_only=True)
    assert (record["error"], record["timings_ms"]["connect"]) == ("blocked", None)


@pytest.mark.anyio
async def test_a_redirect_does_not_get_through(tmp_path: Path) -> None:
    """Each hop is checked; the hops so far are in the record."""
    async with serving(host=redirects("http://inner/")) as topology:
        routes = topology.with_routes({("inner", 80): ("10.0.0.1", 80)})
        record = await record_of(
            "host", tmp_path / "out", routes, public_only=True, allow_net=["127.0.0.0/8"], follow=True
        )
    assert (record["error"], record["url"], record["ip"]) == ("blocked", "http://inner/", "10.0.0.1")
    assert [hop["status"] for hop in record["hops"]] == [302]


@pytest.mark.anyio
async def test_an_answer_that_changes_does_not_get_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: the address that was checked is connected to, although a second look-up has another."""
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    asked = []

    class Rebinding(Resolver):
        def __init__(self) -> None:
            super().__init__(lambda host: asked.append(host) or next(answers))  # type: ignore[func-returns-value]

    connected = []

    def connect(_: object, address: tuple[str, int]) -> int:
        connected.append(address[0])
        return 111

    monkeypatch.setattr(SURVEYS_NAMES, Rebinding)
    connects_by(connect, monkeypatch)
    record = await record_of("rebinds", tmp_path / "out", public_only=True)
    assert (record["error"], asked, connected) == ("refused", ["rebinds"], ["8.8.8.8"])


@pytest.mark.anyio
async def test_what_public_addresses_a_name_has_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One private address among public ones is left out."""

    class Mixed(Resolver):
        def __init__(self) -> None:
            super().__init__(lambda _: ["127.0.0.1", "8.8.8.8"])

    monkeypatch.setattr(SURVEYS_NAMES, Mixed)
    connects_by(lambda *_: 111, monkeypatch)
    record = await record_of("mixed", tmp_path / "out", Topology(), public_only=True)
    assert (record["error"], record["ip"]) == ("refused", "8.8.8.8")
