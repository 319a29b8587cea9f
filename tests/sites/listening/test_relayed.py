"""The line with which the gateway names its client: taken from the gateway's addresses, and from no other."""

import asyncio
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from services.sites.listening import relayed
from services.sites.listening.relayed import LINE, Gateway, client_in
from tests.sites.peer import Heard, Peer, SecureSocket, listen
from tests.sites.target import KEEP, Target, sites, target_of

pytestmark = pytest.mark.anyio

PROXY_LINE = b"PROXY TCP4 192.0.2.7 172.18.0.7 5000 80\r\n"
CLIENT = "192.0.2.7:5000"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n"


@pytest.fixture(params=["127.0.0.1", "127.0.0.2"], ids=["from the gateway", "from another address"])
def gateway_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the gateway's address; the test's own is 127.0.0.1."""
    address = str(request.param)
    monkeypatch.setattr(relayed, "addresses_of", lambda name: {"gateway": [address]}[name])
    return address


async def ask(target: Target, *pieces: bytes) -> Heard:
    """Send bytes, each piece by itself, and return what comes until the stream ends or a whole answer is there."""

    def talk() -> Heard:
        with target.peer.connect() as connection:
            for each in pieces:
                connection.sendall(each)
            return listen(connection, len(KEEP))

    return await anyio.to_thread.run_sync(talk)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_only_the_gateway_can_name_a_client(tmp_path: Path, gateway_at: str, size: int) -> None:
    """From any other address the line is a bad request, whose journal entry has the real peer."""
    async with sites({"keep.test.http": KEEP}, tmp_path, gateway="gateway") as running:
        target = await target_of(running, "keep.test")
        await looked_up(running.listeners.gateway, gateway_at)
        whole = PROXY_LINE + target.peer.get()
        heard = await ask(target, *(whole[begin : begin + size] for begin in range(0, len(whole), size)))
        entry = next(entry for _number, entry in running.site.journal.newest_first())
        if gateway_at == "127.0.0.1":
            assert heard == Heard(KEEP, "open")
            assert (entry.connection.peer, entry.head) == (CLIENT, target.peer.get())
        else:
            assert heard.data.startswith(BAD_REQUEST[:20])
            assert entry.connection.peer.startswith("127.0.0.1:")
            assert entry.status == 400
        assert not running.site.relayed


async def looked_up(gateway: Gateway | None, address: str) -> None:
    """Return when the site knows the gateway's address."""
    assert gateway
    with anyio.fail_after(20):
        while gateway.addresses != {address}:  # noqa: ASYNC110 - that a name was looked up is no event
            await asyncio.sleep(0)


@pytest.mark.parametrize("fault", ["accept_then_close", "rst_at"])
async def test_faults_are_the_same_after_the_line(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that comes before a request: it waits for the line, so that its entry has the client."""
    monkeypatch.setattr(relayed, "addresses_of", lambda _name: ["127.0.0.1"])
    async with sites({"keep.test.http": KEEP}, tmp_path, gateway="gateway") as running:
        target = await target_of(running, "keep.test")
        await looked_up(running.listeners.gateway, "127.0.0.1")
        await target.set_plan([{"fault": fault, **({"bytes": 9} if fault == "rst_at" else {})}])
        heard = await ask(target, PROXY_LINE + target.peer.get())
        assert heard == (Heard(KEEP[:9], "rst") if fault == "rst_at" else Heard(b"", "fin"))
        entry = (await target.ended())[0]
        assert (entry["peer"], entry["fault"]) == (CLIENT, fault)


async def test_over_tls_the_line_comes_before_the_handshake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the gateway sends it: it does not see what is inside."""
    monkeypatch.setattr(relayed, "addresses_of", lambda _name: ["127.0.0.1"])
    async with sites({"keep.test.http": KEEP}, tmp_path, gateway="gateway") as running:
        target = await target_of(running, "keep.test", secure=True)
        await looked_up(running.listeners.gateway, "127.0.0.1")

        def talk() -> Heard:
            plain = Peer(target.peer.address, target.host).connect()
            with plain:
                plain.sendall(PROXY_LINE)
                assert target.peer.context
                assert not isinstance(plain, SecureSocket)
                secure = SecureSocket(plain, target.peer.context, target.host)
                secure.sendall(target.peer.get())
                return listen(secure, len(KEEP))

        assert await anyio.to_thread.run_sync(talk) == Heard(KEEP, "open")
        entry = (await target.ended())[0]
        assert (entry["peer"], entry["tls"]) == (CLIENT, True)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 192.0.2.7 172.18.0.7 5000\r\n",
        b"PROXY TCP4 192.0.2.700 172.18.0.7 5000 80\r\n",
        b"PROXY TCP4 192.0.2.7 172.18.0.7 65536 80\r\n",
        b"PROXY TCP4 192.0.2.7 172.18.0.7 5000 80\n",
        b"PROXY TCP4 " + b"1" * 200,
        b"\r\n\r\n\0\r\nQUIT\n",
    ],
    ids=repr,
)
async def test_what_is_no_such_line_is_read_as_a_request(
    tmp_path: Path, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from the gateway's address: its own connections, and other versions of the protocol."""
    monkeypatch.setattr(relayed, "addresses_of", lambda _name: ["127.0.0.1"])
    async with sites({"keep.test.http": KEEP}, tmp_path, gateway="gateway") as running:
        target = await target_of(running, "keep.test")
        await looked_up(running.listeners.gateway, "127.0.0.1")
        heard = await ask(target, beginning + target.peer.get())
        entry = (await target.ended())[0]
        assert str(entry["peer"]).startswith("127.0.0.1:")
        assert heard.data == KEEP if not beginning else heard.data.startswith(b"HTTP/1.1 400")


async def test_a_gateway_that_sends_nothing_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line has the deadline of a head; an end before it is an end."""
    monkeypatch.setattr(relayed, "addresses_of", lambda _name: ["127.0.0.1"])
    async with sites({"keep.test.http": KEEP}, tmp_path, gateway="gateway", head_timeout_s=0.1) as running:
        target = await target_of(running, "keep.test")
        await looked_up(running.listeners.gateway, "127.0.0.1")
        assert (await ask(target, PROXY_LINE[:20])).data == b""
        assert not running.site.connections


async def test_a_name_without_an_address_names_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the gateway is not up."""

    def fail(_name: str) -> list[str]:
        raise OSError("no such name")

    monkeypatch.setattr(relayed, "addresses_of", fail)
    gateway = Gateway("gateway")
    gateway.addresses = frozenset({"127.0.0.1"})
    await gateway.look_up()
    assert gateway.addresses == frozenset()


def test_addresses_of_both_families_are_read() -> None:
    """As the gateway writes them."""
    for line, client in {
        PROXY_LINE: CLIENT,
        b"PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n": "2001:db8::1:1",
        b"PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n": "",
    }.items():
        found = LINE.fullmatch(line)
        assert found
        assert client_in(found) == client
