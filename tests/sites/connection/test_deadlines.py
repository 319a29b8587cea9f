"""Deadlines: no state lasts for ever. Each case brings a connection into one state and leaves it there.

Nothing here measures time: the deadlines are short, the site has to act by itself, and what a peer hears and the
journal holds tell which deadline it was.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.connection import reset
from services.sites.listening.listeners import sweep
from services.sites.settings import SitesSettings
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import KEEP, one_site, sites, target_of
from tests.sites.test_server import until

SOON_S = 0.2
SETTINGS = SitesSettings(head_timeout_s=1.0, idle_timeout_s=2.0, write_timeout_s=3.0, stall_timeout_s=4.0, linger_s=5.0)

MAX_S = {
    State.HANDSHAKE: 1.0,
    State.IDLE: 2.0,
    State.READING: 1.0,
    State.BLOCKED: 3.0,
    State.SILENT: 4.0,
    State.RESETTING: 6.0,  # the connection's own deadline, which resets, comes first
    State.LINGER: 5.0,
    State.SENDING: None,
}


@dataclass(eq=False)
class Waiting:
    """A connection that has always been in its state; `expired`: how often its deadline was reported to it."""

    state: State
    since: float = 0.0
    expired: int = 0

    def expire(self) -> None:
        """Count."""
        self.expired += 1

    def drain(self) -> None:
        """Not called here."""

    def leave(self, why: str) -> None:
        """Not called here."""


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_every_state_has_its_deadline(state: State) -> None:
    """At the deadline, nothing happens; after it, this connection alone expires. A script's pauses have none."""
    site = Site(SETTINGS)
    open_connection, newer = Waiting(state), Waiting(state, since=1e9)
    site.connections |= {open_connection, newer}
    longest_s = MAX_S[state]
    sweep(site, 1e6 if longest_s is None else longest_s)
    assert open_connection.expired == 0
    if longest_s is not None:
        sweep(site, longest_s + 0.001)
        assert open_connection.expired == 1
    assert newer.expired == 0


@dataclass(frozen=True, slots=True)
class Case:
    """How a peer brings a connection into a state: what it sends and gets; `heard`: what it gets before the end."""

    settings: dict[str, object]
    says: Callable[[Peer], bytes]
    heard: bytes = b""
    plan: list[dict[str, object]] = field(default_factory=list)
    secure: bool = False


HEAD_SOON: dict[str, object] = {"head_timeout_s": SOON_S}
STALL_SOON: dict[str, object] = {"stall_timeout_s": SOON_S}
CASES = {
    "HANDSHAKE, nothing said": Case(HEAD_SOON, lambda _peer: b"", secure=True),
    "HANDSHAKE, half a ClientHello": Case(HEAD_SOON, lambda _peer: b"\x16\x03\x01\x02\x00\x01", secure=True),
    "SILENT, from the beginning": Case(STALL_SOON, Peer.get, plan=[{"fault": "accept_then_silent"}]),
    "SILENT, in the head": Case(STALL_SOON, Peer.get, KEEP[:40], plan=[{"fault": "stall_at", "bytes": 40}]),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_connection_that_waits_too_long_is_cut_off(tmp_path: Path, case: Case) -> None:
    """It gets no further byte, and the journal names the deadline."""
    async with sites({"keep.test.http": KEEP}, tmp_path, **case.settings) as running:
        target = await target_of(running, "keep.test", secure=case.secure)
        await target.set_plan(case.plan)
        peer = Peer(target.peer.address, target.host)

        def wait() -> Heard:
            with peer.connect() as connection:
                connection.sendall(case.says(peer))
                return listen(connection, 1 << 62)

        heard = await anyio.to_thread.run_sync(wait)
        assert heard.data == case.heard
        entry = (await target.ended())[0]
        assert (entry["ended"], entry["sent_bytes"]) == ("timed_out", len(case.heard))


@pytest.mark.anyio
@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_a_peer_that_never_ends_its_side_is_not_waited_for(tmp_path: Path, secure: bool) -> None:
    """LINGER: it has had the answer and our FIN, and sends none."""
    raw = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye"
    async with sites({"keep.test.http": raw}, tmp_path, linger_s=SOON_S) as running:
        peer = (await target_of(running, "keep.test", secure=secure)).peer

        async def no_connection_is_left() -> bool:
            return not running.site.connections

        def stay() -> Heard:
            with peer.connect() as connection:
                connection.sendall(peer.get())
                heard = listen(connection, 1 << 62)
                anyio.from_thread.run(until, no_connection_is_left)
                return heard

        assert await anyio.to_thread.run_sync(stay) == Heard(raw, "fin")


RESETS = {
    "its own deadline": (reset.ACKNOWLEDGED_EVERY_S, "rst"),
    "the site's, where it never looks again": (3600.0, "timed_out"),
}


@pytest.mark.anyio
@pytest.mark.parametrize(("looks_every_s", "ended"), RESETS.values(), ids=RESETS)
async def test_a_reset_does_not_wait_for_ever_for_the_bytes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks_every_s: float, ended: str
) -> None:
    """RESETTING: a peer whose kernel has no room for these bytes gets the RST without them."""
    monkeypatch.setattr(reset, "ACKNOWLEDGED_EVERY_S", looks_every_s)
    raw = b"HTTP/1.1 200 OK\r\nX: " + b"a" * 250_000 + b"\r\nContent-Length: 0\r\n\r\n"
    async with one_site(tmp_path, raw, write_timeout_s=SOON_S) as target:
        await target.set_plan([{"fault": "rst_at", "bytes": 250_000}])

        def ask_and_read_nothing() -> None:
            with target.peer.connect() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # type: ignore[union-attr]
                connection.sendall(target.peer.get())
                entry = anyio.from_thread.run(target.ended)[0]
                assert (entry["fault"], entry["sent_bytes"], entry["ended"]) == ("rst_at", 250_000, ended)

        await anyio.to_thread.run_sync(ask_and_read_nothing)
