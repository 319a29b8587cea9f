"""A gateway in a container that says its own address: when a lab that was joined goes on there, and when not."""

from collections.abc import Mapping

import pytest

from asynclab.connection import running
from asynclab.connection.description import Description, read_description
from asynclab.connection.gateway import Gateway, Unreachable
from asynclab.connection.running import gateway_without_forwarder
from asynclab.errors import NotALab

PUBLISHED = "http://127.0.0.1:3128"
OWN = "http://172.20.0.2:3128"


def answers(found: Mapping[str, str | None]) -> object:
    """Return what describes a gateway: an identity by URL, None where something else answers."""

    def describe(gateway: Gateway) -> Description:
        if gateway.url not in found:
            raise Unreachable("no whole answer within 1 s")
        identity = found[gateway.url]
        if identity is None:
            raise NotALab(gateway.url, "it does not answer in HTTP")
        return Description(gateway.url, None, "", {}, direct=False, identity=identity)

    return describe


@pytest.mark.parametrize(
    ("url", "address", "identity", "found", "goes_on"),
    [
        pytest.param(PUBLISHED, OWN, "a1", {OWN: "a1"}, True, id="the same gateway"),
        pytest.param("http://localhost:3128", OWN, "a1", {OWN: "a1"}, True, id="by another name"),
        pytest.param(PUBLISHED, OWN, "a1", {OWN: "b2"}, False, id="another gateway"),
        pytest.param(PUBLISHED, OWN, "a1", {OWN: None}, False, id="no lab"),
        pytest.param(PUBLISHED, OWN, "a1", {}, False, id="no answer"),
        pytest.param(PUBLISHED, OWN, "", {OWN: ""}, False, id="no identity"),
        pytest.param(PUBLISHED, "", "a1", {}, False, id="no address"),
        pytest.param(PUBLISHED, "nonsense", "a1", {}, False, id="no URL"),
        pytest.param(PUBLISHED, PUBLISHED, "a1", {PUBLISHED: "a1"}, False, id="loopback"),
        pytest.param("http://lab.test:3128", OWN, "a1", {OWN: "a1"}, False, id="a lab of another machine"),
    ],
)
def test_only_the_same_gateway_of_this_machine_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    address: str,
    identity: str,
    found: Mapping[str, str | None],
    *,
    goes_on: bool,
) -> None:
    """A lab elsewhere sends no client to addresses of this machine's networks."""
    monkeypatch.setattr(running, "describe", answers(found))
    monkeypatch.setattr("sys.platform", "linux")
    said = Description(url, None, "", {}, direct=False, address=address, identity=identity)
    nearer = gateway_without_forwarder(Gateway(url, timeout_s=5), said)
    assert (nearer.url, nearer.timeout_s) == (address, 5) if nearer else not goes_on
    monkeypatch.setattr("sys.platform", "darwin")
    assert gateway_without_forwarder(Gateway(url, timeout_s=5), said) is None


def test_a_lab_that_says_nothing_of_it_is_read_too() -> None:
    """As one that is embedded, or of a version before."""
    raw = b'{"v": 1, "gateway": "http://127.0.0.1:1", "hello": "http://127.0.0.1:2", "sites": {}, "direct": true%b}'
    assert read_description(raw % b"").address == ""
    more = b', "takes_hosts": "recorded", "address": "http://172.20.0.2:3128", "identity": "a1"'
    said = read_description(raw % more)
    assert (said.takes_hosts, said.address, said.identity) == ("recorded", OWN, "a1")
    assert list(said.sites_for_new_hosts) == ["recorded"]
