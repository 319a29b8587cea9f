"""Memory: ten thousand peers cost no more than the budget, whatever they send, and other clients are answered.

Budgets are small here, and peers few: the sum counts, and which peers are refused.
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import anyio
import anyio.to_thread
import pytest

from services.runtime.http import Address
from services.runtime.process import MIB
from services.runtime.serving.deadlines import SHORT_PATIENCE_S
from services.runtime.serving.listen import RECEIVE_BYTES, UNSENT_BYTES
from services.runtime.serving.memory_pool import MemoryPool
from services.sites.budget import CONTEXT_BYTES, FREE_BYTES, KIB, SESSION_BYTES, Budget
from services.sites.connection.connection import Connection
from services.sites.connection.unread import HELD_IN_SYSTEM_BYTES
from services.sites.faults.active import Injection
from services.sites.faults.plan import read_plan
from services.sites.faults.script import SHORT_BYTES, Ending, Response
from services.sites.http.request_body import START_BYTES
from services.sites.journal import ENTRY_BYTES, FIN, ConnectionInfo, Exchange, Journal
from services.sites.listening.listeners import sweep
from services.sites.replay.directory import RecordingDirectory, TooLarge
from services.sites.replay.recording import RECORDING_BYTES
from services.sites.server import RunningSite, serve_site
from services.sites.settings import SitesSettings
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from services.sites.tls import protocol
from services.sites.tls.authority import Authority
from services.sites.tls.certificate_choice import MAX_HELLO_BYTES
from tests.sites.connection.test_backpressure import connections
from tests.sites.connection.test_deadlines import Waiting
from tests.sites.connection.test_hostile import metrics
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import KEEP, one_site, sites, target_of
from tests.sites.test_server import until
from tests.sites.tls.test_client_hello import hello_for, with_name

LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
INTERNAL_ERROR = b"\x15\x03\x03\0\x02\x02\x50"
UNRECOGNIZED_NAME = b"\x15\x03\x03\0\x02\x02\x70"
PEERS = 30


@contextlib.contextmanager
def peers(peer: Peer, count: int) -> Iterator[Sequence[socket.socket]]:
    """Have so many connections."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(peer.connect()) for _ in range(count)]
        yield [each for each in made if isinstance(each, socket.socket)]


def small(running: RunningSite, pool: str, size: int) -> MemoryPool:
    """Give a pool of a running site so many bytes."""
    found: MemoryPool = getattr(running.site.budget, pool)
    found.limit = size
    return found


# Requests


@pytest.mark.anyio
@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_peers_that_pipeline_and_read_nothing_share_one_pool(tmp_path: Path, secure: bool) -> None:
    """What there is no memory for is refused with 503, after what came before; a peer that reads is answered."""
    async with sites({"keep.test.http": KEEP, "large.test.http": LARGE}, tmp_path, drain_s=0.0) as running:
        keep = await target_of(running, "keep.test", secure=secure)
        large = await target_of(running, "large.test", secure=secure)
        pool = small(running, "buffers", 4 * HELD_IN_SYSTEM_BYTES)
        behind = large.peer.get("/behind", method="HEAD")
        flood = large.peer.get() + behind * 600 + large.peer.get(method="HEAD", fields="Connection: close\r\n")

        async def many_were_refused() -> bool:
            return pool.refused >= PEERS // 2

        def attack() -> tuple[Heard, list[Heard]]:
            with contextlib.ExitStack() as stack:
                attackers = [large.peer.connect() for _ in range(PEERS)]
                for attacker in attackers:
                    stack.enter_context(contextlib.closing(attacker))
                for attacker in attackers:
                    attacker.sendall(flood)
                anyio.from_thread.run(until, many_were_refused)
                assert pool.used <= pool.limit
                healthy = keep.peer.ask(keep.peer.get(fields="Connection: close\r\n"))
                return healthy, [listen(attacker, 1 << 62) for attacker in attackers]

        healthy, heard = await anyio.to_thread.run_sync(attack)
        assert healthy == Heard(KEEP, "fin")
        heads = [each.data.removeprefix(LARGE) for each in heard]
        assert all(len(rest) < len(each.data) for rest, each in zip(heads, heard, strict=True))
        refused = [rest for rest in heads if b"HTTP/1.1 503 Service Unavailable" in rest]
        assert len(refused) == pool.refused >= PEERS // 2
        assert all(0 < rest.count(b" 200 OK") < 601 and b"Connection: close" in rest for rest in refused)
        assert all(rest.count(b" 200 OK") == 601 for rest in heads if rest not in refused)
        await until(lambda: is_given_back(running))


async def is_given_back(running: RunningSite) -> bool:
    """Return whether no connection is left, and no byte of the budget is reserved."""
    budget = running.site.budget
    return not running.site.connections and budget.buffers.used == budget.tls.used == 0


@pytest.mark.anyio
async def test_a_head_that_comes_in_parts_is_free_up_to_a_bound_and_then_charged(tmp_path: Path) -> None:
    """Of those with more, as many are waited for as there is memory for; the next ones get 503."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        pool = small(running, "buffers", 30 * KIB)
        begun = target.peer.get()[:-2] + b"X-Long: "

        async def used() -> int:
            return pool.used

        async def is_used(size: int) -> bool:
            return pool.used == size

        def attack() -> tuple[int, Heard, Heard]:
            with peers(target.peer, PEERS + 4) as (first, second, third, fourth, *many):
                for each in many:
                    each.sendall(begun)
                free = anyio.from_thread.run(used)
                for each in (first, second, third):
                    each.sendall(begun + b"a" * (10 * KIB + FREE_BYTES - len(begun)))
                anyio.from_thread.run(until, lambda: is_used(30 * KIB))
                fourth.sendall(begun + b"a" * (10 * KIB + FREE_BYTES - len(begun)))
                refused = listen(fourth, 1 << 62)
                many[0].sendall(b"a\r\nConnection: close\r\n\r\n")
                return free, refused, listen(many[0], 1 << 62)

        free, refused, healthy = await anyio.to_thread.run_sync(attack)
        assert (free, healthy) == (0, Heard(KEEP, "fin"))
        assert (refused.data[:12], refused.end) == (b"HTTP/1.1 503", "fin")
        await until(lambda: is_given_back(running))
        assert pool.refused == 1


@pytest.mark.anyio
async def test_what_is_kept_of_a_body_is_charged_until_the_journal_has_it(tmp_path: Path) -> None:
    """However long it is, its first bytes; the next one for which there is no memory is refused, a small one is not."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        pool = small(running, "buffers", START_BYTES)
        held = START_BYTES - FREE_BYTES

        async def is_used(size: int) -> bool:
            return pool.used == size

        def attack() -> tuple[Heard, Heard, Heard]:
            with peers(target.peer, 3) as (first, second, third):
                head = target.peer.get(method="POST", fields="Content-Length: 200000\r\n")
                first.sendall(head + bytes(150_000))
                anyio.from_thread.run(until, lambda: is_used(held))
                second.sendall(head + bytes(150_000))
                refused = listen(second, 1 << 62)
                third.sendall(target.peer.get(method="POST", fields=f"Content-Length: {FREE_BYTES}\r\n"))
                third.sendall(bytes(FREE_BYTES))
                small_one = listen(third, len(KEEP))
                first.sendall(bytes(50_000))
                return refused, small_one, listen(first, len(KEEP))

        refused, small_one, large_one = await anyio.to_thread.run_sync(attack)
        assert (refused.data[:12], small_one.data, large_one.data) == (b"HTTP/1.1 503", KEEP, KEEP)
        await until(lambda: is_given_back(running))
        entries = sorted((entry["status"], entry["body_bytes"]) for entry in await target.ended())
        assert entries[:2] == [(200, FREE_BYTES), (200, 200_000)]
        assert running.site.journal.held_bytes > START_BYTES


@pytest.mark.anyio
async def test_what_the_system_holds_of_a_connection_is_bounded(tmp_path: Path) -> None:
    """It counts as the site's, where control groups are of version 2; and one read can be no larger."""
    async with one_site_running(tmp_path) as (running, target):

        def ask() -> None:
            with peers(target.peer, 1) as (connection,):
                connection.sendall(target.peer.get())
                assert listen(connection, len(KEEP)).data == KEEP
                (open_connection,) = anyio.from_thread.run(list_of, running)
                accepted = open_connection.transport.get_extra_info("socket")
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * RECEIVE_BYTES
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT_BYTES

        await anyio.to_thread.run_sync(ask)


async def list_of(running: RunningSite) -> list[Connection]:
    """Return the connections that are open."""
    return connections(running)


@contextlib.asynccontextmanager
async def one_site_running(tmp_path: Path, **changes: object):  # type: ignore[no-untyped-def]
    """Run keep.test, and give the site and the target."""
    async with sites({"keep.test.http": KEEP}, tmp_path, **changes) as running:
        yield running, await target_of(running, "keep.test")


@pytest.mark.anyio
async def test_once_the_pool_is_spent_an_answer_waits_in_little_memory_and_comes_whole(tmp_path: Path) -> None:
    """A connection that comes then has a small buffer in the system; the peer gets every byte all the same."""
    async with sites({"large.test.http": LARGE}, tmp_path) as running:
        target = await target_of(running, "large.test")
        small(running, "buffers", 0)

        async def is_there() -> bool:
            return bool(running.site.connections)

        def ask() -> tuple[int, Heard]:
            with peers(target.peer, 1) as (connection,):
                anyio.from_thread.run(until, is_there)
                (open_connection,) = anyio.from_thread.run(list_of, running)
                size = open_connection.transport.get_extra_info("socket").getsockopt(
                    socket.SOL_SOCKET, socket.SO_SNDBUF
                )
                connection.sendall(target.peer.get(fields="Connection: close\r\n"))
                return size, listen(connection, 1 << 62)

        size, heard = await anyio.to_thread.run_sync(ask)
        assert size < UNSENT_BYTES
        assert heard == Heard(LARGE, "fin")


# TLS


@pytest.mark.anyio
async def test_a_handshake_that_only_begins_costs_no_session(tmp_path: Path) -> None:
    """Three bytes each, or all but the last of the ClientHello; a peer that sends the rest gets its answer."""
    async with one_site(tmp_path, secure=True) as target:
        plain, hello = Peer(target.peer.address, target.host), hello_for("keep.test")

        def attack() -> Heard:
            with peers(plain, PEERS) as attackers:
                for index, attacker in enumerate(attackers):
                    attacker.sendall(hello[:3] if index % 2 else hello[:-1])
                return target.peer.ask(target.peer.get(fields="Connection: close\r\n"))

        assert await anyio.to_thread.run_sync(attack) == Heard(KEEP, "fin")


@pytest.mark.anyio
async def test_sessions_share_one_pool_and_the_next_peer_gets_an_alert(tmp_path: Path) -> None:
    """RFC 8446, section 6.2: internal_error, "such as a memory allocation" failure."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test", secure=True)
        small(running, "tls", 2 * SESSION_BYTES)
        plain = Peer(target.peer.address, target.host)

        def attack() -> Heard:
            with target.peer.connect() as first, target.peer.connect() as second:
                refused = plain.ask(hello_for("keep.test"))
                for each in (first, second):
                    each.sendall(target.peer.get())
                    assert listen(each, len(KEEP)).data == KEEP
                return refused

        assert await anyio.to_thread.run_sync(attack) == Heard(INTERNAL_ERROR, "fin")
        await until(lambda: is_given_back(running))
        heard = await anyio.to_thread.run_sync(target.peer.ask, target.peer.get(fields="Connection: close\r\n"))
        assert heard == Heard(KEEP, "fin")
        assert 'site_memory_refused_total{pool="tls"} 1.0' in await metrics(target)


@pytest.mark.anyio
async def test_handshakes_that_do_not_go_on_make_room_for_those_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that has waited for longest is ended, so that a quick peer gets a session."""
    async with sites({"keep.test.http": KEEP}, tmp_path, head_timeout_s=3600.0) as running:
        target = await target_of(running, "keep.test", secure=True)
        pool = small(running, "tls", 3 * SESSION_BYTES)
        monkeypatch.setattr(protocol, "GRACE_S", 0.0)
        plain = Peer(target.peer.address, target.host)

        async def are_waiting(count: int) -> bool:
            return len(running.site.handshakes) == count

        def attack() -> tuple[Heard, list[str]]:
            with peers(plain, 3) as attackers:
                for count, attacker in enumerate(attackers, 1):
                    attacker.sendall(hello_for("keep.test"))
                    anyio.from_thread.run(until, lambda: are_waiting(count))  # noqa: B023
                answered = target.peer.ask(target.peer.get(fields="Connection: close\r\n"))
                first = listen(attackers[0], 1 << 62)
                assert pool.used <= pool.limit
                return answered, [first.end]

        answered, ends = await anyio.to_thread.run_sync(attack)
        assert answered == Heard(KEEP, "fin")
        assert ends != ["open"]
        await until(lambda: is_given_back(running))
        assert (running.site.handshakes, pool.refused) == ({}, 1)


@pytest.mark.anyio
async def test_client_hellos_that_stay_incomplete_share_the_pool_of_requests(tmp_path: Path) -> None:
    """Bytes over the free ones are charged; a connection that needs too much is refused at once."""
    async with sites({"keep.test.http": KEEP}, tmp_path, head_timeout_s=3600.0) as running:
        target = await target_of(running, "keep.test", secure=True)
        small(running, "buffers", 20 * KIB)
        plain = Peer(target.peer.address, target.host)
        size = MAX_HELLO_BYTES - 100
        begun = (b"\x16\x03\x01" + size.to_bytes(2, "big") + b"\x01" + (size - 4).to_bytes(3, "big")).ljust(14 * KIB)

        async def are_waiting() -> bool:
            return running.site.budget.buffers.used == 20 * KIB

        def attack() -> Heard:
            with peers(plain, 2) as attackers:
                for attacker in attackers:
                    attacker.sendall(begun)
                anyio.from_thread.run(until, are_waiting)
                return plain.ask(begun)

        assert await anyio.to_thread.run_sync(attack) == Heard(INTERNAL_ERROR, "fin")


NO_NAMES = {
    "not ASCII": b"www.\xff.test",
    "UTF-8": "www.münchen.test".encode(),
    "a byte \\0": b"keep.test\0",
    "spaces": b"keep test",
    "another": b"other.test",
    "too long": b"a" * 300,
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
async def test_a_name_that_no_host_has_is_unrecognized(tmp_path: Path, name: bytes) -> None:
    """RFC 6066, section 3: an alert for any bytes of a name, and nothing in the log."""
    async with shared_port(tmp_path) as address:
        heard = await anyio.to_thread.run_sync(Peer(address, "keep.test").ask, with_name(name))
        assert heard == Heard(UNRECOGNIZED_NAME, "fin")


@contextlib.asynccontextmanager
async def shared_port(tmp_path: Path, **changes: object):  # type: ignore[no-untyped-def]
    """Run two sites that share a port, and give its address for TLS."""
    for host in ("keep.test", "more.test"):
        await anyio.Path(tmp_path, f"{host}.http").write_bytes(KEEP)
    where = Address("127.0.0.1", 0)
    async with serve_site(SitesSettings(directory=tmp_path, where=where, tls=where, admin=where)) as running:
        yield running.listeners.of("keep.test")[1]


# Connections


def test_where_connections_run_out_idle_ones_make_room() -> None:
    """An idle connection may be closed at any time (RFC 9112, section 9.5); answers in flight are not ended."""
    site = Site(SitesSettings(max_connections=8))
    waiting_connections = {state: Waiting(state) for state in State}
    site.connections |= set(waiting_connections.values())
    sweep(site, SHORT_PATIENCE_S + 0.1)
    shortened = {state for state, open_connection in waiting_connections.items() if open_connection.expired}
    assert shortened == {State.HANDSHAKE, State.IDLE, State.READING, State.LINGER}


def test_where_there_is_room_no_peer_gets_less_time() -> None:
    """Deadlines are as they are set."""
    site = Site(SitesSettings(max_connections=11))
    waiting_connections = [Waiting(state) for state in State]
    site.connections |= set(waiting_connections)
    sweep(site, SHORT_PATIENCE_S + 0.1)
    assert not any(open_connection.expired for open_connection in waiting_connections)


def test_the_number_of_connections_follows_from_the_memory() -> None:
    """A setting can make it smaller, not larger."""
    budget = Budget.of(200 * MIB)
    assert Site(SitesSettings(memory_bytes=200 * MIB)).max_connections == budget.max_connections < 10_000
    assert Site(SitesSettings(memory_bytes=200 * MIB, max_connections=7)).max_connections == 7


# Recordings


def write_recordings(directory: Path, count: int, body_bytes: int) -> None:
    """Write so many recordings, each with a body."""
    for number in range(count):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % body_bytes
        (directory / f"r{number}.test.http").write_bytes(head + bytes(body_bytes))


def test_a_set_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The sizes of the files tell; the text says how many there are, what they need, and what there is."""
    write_recordings(tmp_path, 75, 100_000)
    (tmp_path / "r0.test.http").write_bytes(bytes(100_000))  # read, it would be refused for what it is
    with pytest.raises(TooLarge) as refused:
        RecordingDirectory(tmp_path, room_bytes=4 * MIB).load()
    assert str(refused.value) == (
        f"{tmp_path.name}: too large: 75 recordings need 7.2 MiB, and this site has room for 4.0 MiB: "
        "play fewer, or smaller ones"
    )


def test_bodies_that_are_made_count_as_those_that_are_recorded(tmp_path: Path) -> None:
    """A head of forty bytes may promise 8 MiB; not all of them are made first."""
    for number in range(50):
        (tmp_path / f"r{number}.test.http").write_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    with pytest.raises(TooLarge) as refused:
        RecordingDirectory(tmp_path, room_bytes=4 * MIB).load()
    assert refused.value.need_bytes < 6 * MIB


def test_a_body_that_is_not_played_does_not_count(tmp_path: Path) -> None:
    """A sidecar may leave it out."""
    write_recordings(tmp_path, 1, 100_000)
    (tmp_path / "r0.test.toml").write_text('after = "close"\n')
    (recording,) = RecordingDirectory(tmp_path, room_bytes=3 * RECORDING_BYTES).load().values()
    assert recording.held_bytes < 2 * RECORDING_BYTES


@pytest.mark.anyio
async def test_a_set_that_grows_too_large_leaves_the_old_one_played(tmp_path: Path) -> None:
    """/readyz and the metrics say it; once it is corrected, the new set is played."""
    async with sites({"keep.test.http": KEEP}, tmp_path, reload_s=0.05, memory_bytes=96 * MIB) as running:
        target = await target_of(running, "keep.test")

        async def is_too_large() -> bool:
            return "too large: 5 recordings need 32.0 MiB" in running.site.trouble

        async def is_correct() -> bool:
            return not running.site.trouble and len(running.site.hosts) == 3

        await anyio.to_thread.run_sync(write_recordings, tmp_path, 4, 8_380_000)
        await until(is_too_large)
        heard = await anyio.to_thread.run_sync(target.peer.ask, target.peer.get(fields="Connection: close\r\n"))
        assert heard == Heard(KEEP, "fin")
        text = await metrics(target)
        assert "site_ready 0.0" in text
        assert 'site_memory_refused_total{pool="recordings"} 0.0' not in text
        await anyio.to_thread.run_sync(write_recordings, tmp_path, 4, 100)
        for number in (2, 3):
            await anyio.Path(tmp_path, f"r{number}.test.http").unlink()
        await until(is_correct)


# What is kept


def test_the_journal_keeps_to_its_memory_with_all_that_an_entry_costs() -> None:
    """Entries without a head cost something too."""
    journal = Journal(max_entries=1000, max_bytes=100_000, held_bytes=10 * ENTRY_BYTES + 5_000)
    visit = ConnectionInfo(1, "192.0.2.1:1", secure=False, accepted_s=0.0)
    for number in range(50):
        journal.add(Exchange(visit, number, b"", "a.test", "", 200, 0.0, ended=FIN))
    assert len(journal.entries) == (10 * ENTRY_BYTES + 5_000) // ENTRY_BYTES
    for number in range(50):
        journal.add(Exchange(visit, number, b"x" * 1_000, "a.test", "", 200, 0.0, ended=FIN))
    assert (len(journal.entries), journal.total) == ((10 * ENTRY_BYTES + 5_000) // (ENTRY_BYTES + 1_000), 100)
    assert journal.held_bytes <= journal.max_held_bytes


def test_a_site_gives_its_journal_what_the_budget_has() -> None:
    """A setting of more entries does not change that."""
    site = Site(SitesSettings(memory_bytes=128 * MIB))
    assert site.journal.max_held_bytes == site.budget.journal.limit == Budget.of(128 * MIB).journal.limit


def test_certificates_keep_to_their_pool() -> None:
    """The one that was asked for longest ago goes first; it is made again when it is asked for."""
    pool = MemoryPool("certificates", 2 * CONTEXT_BYTES)
    authority = Authority(pool=pool)
    contexts = [authority.context(f"{name}.test") for name in "abc"]
    assert pool.used == 2 * CONTEXT_BYTES
    assert authority.context("c.test") is contexts[2]
    assert authority.context("a.test") is not contexts[0]


# Metrics


@pytest.mark.anyio
async def test_metrics_show_what_each_pool_has_and_has_reserved(tmp_path: Path) -> None:
    """In bytes; and how many reservations failed."""
    async with one_site(tmp_path) as target:
        await anyio.to_thread.run_sync(target.peer.ask, target.peer.get(fields="Connection: close\r\n"))
        lines = dict(line.rsplit(" ", 1) for line in (await metrics(target)).splitlines() if not line.startswith("#"))
    for pool in ("connections", "buffers", "tls", "certificates", "recordings", "journal", "admin", "answers"):
        assert float(lines[f'site_memory_limit_bytes{{pool="{pool}"}}']) > 0
        assert float(lines[f'site_memory_used_bytes{{pool="{pool}"}}']) >= 0
        assert lines[f'site_memory_refused_total{{pool="{pool}"}}'] == "0.0"
    assert float(lines['site_memory_used_bytes{pool="recordings"}']) == target.recording.held_bytes
    assert float(lines['site_memory_used_bytes{pool="journal"}']) > ENTRY_BYTES


# Answers


LARGE_BODY = bytes(range(256)) * 4096
SCRIPTS: dict[str, dict[str, object]] = {
    "delay": {"fault": "delay", "seconds": 1, "bytes": 3},
    "throttle": {"fault": "throttle", "bytes_per_s": 100_000_000},
    "garbage": {"fault": "garbage", "bytes": 1_000_000},
    "missing_colon": {"fault": "missing_colon"},
}


@pytest.mark.parametrize("rule", SCRIPTS.values(), ids=SCRIPTS)
def test_a_fault_copies_no_body(rule: dict[str, object]) -> None:
    """A thousand peers that read nothing share one body, by views."""
    response = Response(b"HTTP/1.1 200 OK\r\n\r\n", LARGE_BODY, Ending.CLOSE)
    (read,) = read_plan([rule])
    for step in Injection(read, 1, 1).script(response, "/"):
        if isinstance(step, bytes | memoryview):
            assert len(step) <= SHORT_BYTES
            assert isinstance(step, memoryview) or len(step) <= 17 * KIB


def test_random_bytes_are_the_same_however_they_are_cut() -> None:
    """A seed says what a peer gets, of any length."""
    (read,) = read_plan([{"fault": "garbage", "bytes": 50_001, "seed": 7}])
    injection = Injection(read, 1, 1)
    steps = injection.script(Response(b"", b"", Ending.CLOSE), "/")
    data = b"".join(step for step in steps if isinstance(step, bytes))
    assert data == b"\xff" + Random("7/1").randbytes(50_000)


# What was measured

COSTS_KIB: dict[str, float] = {
    "entry": 100 * ENTRY_BYTES / KIB,
    "session": SESSION_BYTES / KIB,
    "context": CONTEXT_BYTES / KIB,
    "blocked": 4,
}


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("kind", COSTS_KIB)
def test_a_thing_costs_no_more_than_it_is_charged(kind: str) -> None:
    """Measured in a process of its own, as the kernel sees it."""
    done = subprocess.run([sys.executable, "-m", "tests.sites.costs", kind], check=True, capture_output=True)
    assert COSTS_KIB[kind] / 4 < float(done.stdout) <= COSTS_KIB[kind]
