"""A running site: ready with valid recordings only, reloading them, and draining when it is stopped."""

import dataclasses
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from lab.embedded.sites import RecordingUnfit, embedded_sites
from services.runtime.errors import PortUnavailable
from services.runtime.http import Address
from services.sites.listening.listeners import Listeners
from services.sites.server import serve_site
from services.sites.settings import SitesSettings
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import KEEP, Target, one_site, sites, target_of

pytestmark = pytest.mark.anyio

SOON_S = 0.02
LOOPBACK = Address("127.0.0.1", 0)


async def readiness(admin: str) -> tuple[int, str]:
    """Return what /readyz says."""
    async with aiohttp.ClientSession() as session, session.get(f"{admin}/readyz") as answer:
        return answer.status, await answer.text()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    with anyio.fail_after(20):
        while not await holds():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await anyio.sleep(SOON_S)


async def until_ready(admin: str, status: int, text: str) -> None:
    """Wait until /readyz says so."""

    async def ready() -> bool:
        return await readiness(admin) == (status, text)

    await until(ready)


async def body_of(target: Target) -> bytes:
    """Return what a new connection gets."""
    heard = await anyio.to_thread.run_sync(target.peer.ask, target.peer.get(fields="Connection: close\r\n"))
    return heard.data


async def test_recordings_are_read_again_when_they_change(tmp_path: Path) -> None:
    """A new one is served at once, a changed one as it is now, and one that is gone no more."""
    async with sites({"a.test.http": KEEP}, tmp_path, reload_s=SOON_S) as running:
        admin = running.admin.url
        assert await readiness(admin) == (200, "a.test\n")
        other = KEEP.replace(b"hello", b"other")
        await anyio.Path(tmp_path, "b.test.http").write_bytes(other)
        await until_ready(admin, 200, "a.test\nb.test\n")
        assert await body_of(await target_of(running, "b.test")) == other
        await anyio.Path(tmp_path, "b.test.toml").write_bytes(b"[[faults]]\nfault = 'accept_then_close'\n")
        target = await target_of(running, "b.test")
        await until_played(target, b"")
        await anyio.Path(tmp_path, "b.test.http").unlink()
        await until_ready(admin, 200, "a.test\n")
        with pytest.raises(ConnectionRefusedError):
            await body_of(target)


async def test_a_bad_change_keeps_what_is_played_and_says_why(tmp_path: Path) -> None:
    """Not ready, with file and reason, until it is corrected; every host is answered meanwhile."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:
        await anyio.Path(tmp_path, "b.test.http").write_bytes(b"nonsense")
        reason = "b.test.http: has no status line at byte 0: `HTTP/1.1 200 OK`, with or without a reason\n"
        await until_ready(target.admin, 503, reason)
        assert await body_of(target) == KEEP
        await anyio.Path(tmp_path, "b.test.http").write_bytes(KEEP)
        await until_ready(target.admin, 200, "b.test\nkeep.test\n")


NAMES = {b"caf\xe9.http": r"caf\xe9.http", b"a\nb\x1b.http": r"a\x0ab\x1b.http"}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=NAMES.values())
async def test_a_name_that_is_no_text_is_said_in_a_line(tmp_path: Path, name: bytes, shown: str) -> None:
    """A file's name may be any bytes; the reason goes to people and to terminals."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:
        await anyio.Path(tmp_path, os.fsdecode(name)).write_bytes(KEEP)
        await until_ready(target.admin, 503, f"{shown}: its name is not a host name followed by .http\n")


async def test_a_plan_outlives_a_reload_unless_it_no_longer_fits(tmp_path: Path) -> None:
    """A changed recording whose head is too short for the plan gets its sidecar's."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:
        await target.set_plan([{"fault": "fin_at", "bytes": 60}])
        file = anyio.Path(tmp_path, "keep.test.http")
        await file.write_bytes(KEEP.replace(b"hello", b"other"))
        short = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        await anyio.Path(tmp_path, "b.test.http").write_bytes(KEEP)
        await until_ready(target.admin, 200, "b.test\nkeep.test\n")
        assert len(await body_of(target)) == 60
        await file.write_bytes(short)
        await until_played(target, short)


async def test_a_cached_answer_is_the_new_one_after_a_reload(tmp_path: Path) -> None:
    """The cache does not outlive the recording."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:

        def ask() -> None:
            with target.peer.connect() as connection:
                for _ in range(3):
                    connection.sendall(target.peer.get())
                    assert listen(connection, len(KEEP)).data == KEEP
                anyio.from_thread.run(anyio.Path(tmp_path, "keep.test.http").write_bytes, KEEP.replace(b"he", b"HE"))
                anyio.from_thread.run(until_played, target, KEEP.replace(b"he", b"HE"))
                connection.sendall(target.peer.get())
                assert listen(connection, len(KEEP)).data == KEEP.replace(b"he", b"HE")

        await anyio.to_thread.run_sync(ask)


async def until_played(target: Target, data: bytes) -> None:
    """Wait until a new connection gets these bytes."""

    async def played() -> bool:
        return await body_of(target) == data

    await until(played)


async def test_a_site_that_cannot_start_says_why_and_starts_when_it_can(tmp_path: Path) -> None:
    """Its ports stay closed until then."""
    settings = SitesSettings(directory=tmp_path, where=LOOPBACK, tls=None, admin=LOOPBACK, reload_s=SOON_S)
    async with serve_site(settings) as running:
        admin = running.admin.url
        status, text = await readiness(admin)
        assert status == 503
        assert "holds no recording" in text
        assert running.listeners.of("a.test") == []
        await anyio.Path(tmp_path, "a.test.http").write_bytes(KEEP)
        await until_ready(admin, 200, "a.test\n")
        assert await body_of(await target_of(running, "a.test")) == KEEP


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
async def test_a_site_is_not_ready_while_a_port_is_taken(
    tmp_path: Path, tls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It says which, once in the log, and tries again until the port is free."""
    await anyio.Path(tmp_path, "a.test.http").write_bytes(b"nonsense")
    with socket.create_server(LOOPBACK) as taken:
        where = Address(*taken.getsockname())
        addresses = {"where": LOOPBACK, "tls": where} if tls else {"where": where, "tls": None}
        settings = SitesSettings(directory=tmp_path, admin=LOOPBACK, reload_s=SOON_S)
        async with serve_site(dataclasses.replace(settings, **addresses)) as running:
            admin = running.admin.url
            await anyio.Path(tmp_path, "a.test.http").write_bytes(KEEP)
            reason = f"cannot listen on {where} (Address already in use): stop what holds it or choose another port"
            await until_ready(admin, 503, f"{reason}\n")
            await until_ready(admin, 503, f"{reason}\n")
            assert caplog.text.count("not ready: cannot listen") == 1
            target = Target(Peer(where, "a.test"), admin, running.site.hosts["a.test"].recording)
            assert await target.call("DELETE", "/faults/a.test") == (
                503,
                {"error": "port_unavailable", "problems": [{"field": "port", "reason": reason}]},
            )
            taken.close()
            await until_ready(admin, 200, "a.test\n")
            assert running.listeners.of("a.test")[tls] == where
            assert await body_of(await target_of(running, "a.test", secure=tls)) == KEEP


async def test_a_port_that_is_taken_from_the_start_ends_the_start(tmp_path: Path) -> None:
    """The other port is closed again."""
    await anyio.Path(tmp_path, "a.test.http").write_bytes(KEEP)
    with socket.create_server(LOOPBACK) as taken, socket.create_server(LOOPBACK) as other:
        free = Address(*other.getsockname())
        other.close()
        settings = SitesSettings(
            directory=tmp_path, where=free, tls=Address(*taken.getsockname()), admin=LOOPBACK, reload_s=SOON_S
        )
        with pytest.raises(PortUnavailable, match="already in use"):
            async with serve_site(settings):
                pass
        socket.create_server(free).close()


async def test_a_fifo_among_the_recordings_does_not_end_the_reloading(tmp_path: Path) -> None:
    """It is refused like any other file that cannot be played."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:
        os.mkfifo(tmp_path / "f.test.http")
        await until_ready(target.admin, 503, "f.test.http: is not a regular file\n")
        await anyio.Path(tmp_path, "f.test.http").unlink()
        await until_ready(target.admin, 200, "keep.test\n")


async def test_a_hostile_sidecar_does_not_end_the_reloading(tmp_path: Path) -> None:
    """tomllib has no bound for depth, and raises what no parser should."""
    async with one_site(tmp_path, reload_s=SOON_S) as target:
        await anyio.Path(tmp_path, "keep.test.toml").write_bytes(b"a = " + b"[" * 20_000)
        await until_ready(target.admin, 503, "keep.test.toml: is nested too deeply\n")
        await anyio.Path(tmp_path, "keep.test.toml").unlink()
        await until_ready(target.admin, 200, "keep.test\n")


@pytest.mark.parametrize(
    "where", ["services.sites.listening.listeners.sweep", "services.sites.replay.directory.RecordingDirectory.changed"]
)
async def test_a_mistake_in_a_background_task_ends_the_site(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its watcher or its deadlines, it would only look healthy."""

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    async def run() -> None:
        async with one_site(tmp_path, reload_s=SOON_S):
            monkeypatch.setattr(where, fail)
            await anyio.sleep_forever()

    with anyio.fail_after(20), pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(RuntimeError, match="a mistake")


async def test_the_embedded_lab_does_not_start_with_a_bad_recording(tmp_path: Path) -> None:
    """One line with file and reason, and the exit code of a file."""
    await anyio.Path(tmp_path, "a.test.http").write_bytes(b"nonsense")
    with pytest.raises(RecordingUnfit, match=r"a\.test\.http: has no status line") as caught:
        async with embedded_sites(SitesSettings(directory=tmp_path)):
            pass
    assert caught.value.exit_code == 3


async def test_a_stop_lets_answers_end_and_no_new_peer_in(tmp_path: Path) -> None:
    """What is on its way is sent whole; a connection that waits is closed."""
    started, heard = anyio.Event(), []

    def ask(target: Target) -> None:
        with target.peer.connect() as idle, target.peer.connect() as connection:
            connection.sendall(target.peer.get())
            first = listen(connection, 10)
            anyio.from_thread.run_sync(started.set)
            rest = listen(connection, 1 << 62)
            heard.append(Heard(first.data + rest.data, rest.end))
            heard.append(listen(idle, 1))

    async with anyio.create_task_group() as group:
        async with one_site(tmp_path, drain_s=20.0) as target:
            await target.set_plan([{"fault": "drip", "bytes": 10, "interval_s": 0.05}])
            group.start_soon(anyio.to_thread.run_sync, ask, target)
            await started.wait()
        with pytest.raises(ConnectionRefusedError):
            await body_of(target)
    assert heard[0] == Heard(KEEP, "fin")
    assert heard[1].data == b""


async def test_listeners_that_are_reconciled_during_a_stop_stay_shut(tmp_path: Path) -> None:
    """A plan may run out, or be set, just then: no port is left behind without a site that answers."""

    async def keep_reconciling(listeners: Listeners) -> None:
        while True:
            await listeners.reconcile()
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        async with sites({f"{name}.test.http": KEEP for name in "abcd"}, tmp_path) as running:
            addresses = [address for name in "abcd" for address in running.listeners.of(f"{name}.test")]
            group.start_soon(keep_reconciling, running.listeners)
        group.cancel_scope.cancel()
    assert len(addresses) == 8
    for host, port in addresses:
        with pytest.raises(OSError, match="connection attempts failed"):
            await anyio.connect_tcp(host, port)


async def test_a_drain_has_an_end(tmp_path: Path) -> None:
    """A peer that never reads its answer does not delay the end for ever."""
    with anyio.fail_after(20):
        async with one_site(tmp_path, drain_s=0.1) as target:
            await target.set_plan([{"fault": "drip", "bytes": 1, "interval_s": 3600}])
            connection = await anyio.to_thread.run_sync(target.peer.connect)
            await anyio.to_thread.run_sync(connection.sendall, target.peer.get())
            await anyio.to_thread.run_sync(listen, connection, 1)
    assert (await anyio.to_thread.run_sync(listen, connection, 1 << 62)).data == b""
    with connection:
        pass


async def test_a_time_to_live_opens_a_refused_port_again(tmp_path: Path) -> None:
    """Without any request."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "refuse", "ttl_s": 0.3}])
        with pytest.raises(ConnectionRefusedError):
            await body_of(target)

        async def answered() -> bool:
            try:
                return await body_of(target) == KEEP
            except ConnectionRefusedError:
                return False

        await until(answered)


@pytest.mark.parametrize("name", ["._a.test.http", ".#a.test.http", ".http", ".hidden.http"])
async def test_files_that_begin_with_a_dot_are_no_recordings(tmp_path: Path, name: str) -> None:
    """Editors and file managers leave them, also as links into nothing: neither now nor later do they count."""
    async with sites({"a.test.http": KEEP, name: b"junk"}, tmp_path, reload_s=SOON_S) as running:
        assert (await readiness(running.admin.url))[0] == 200
        await anyio.Path(tmp_path, ".#b.test.http").symlink_to("nobody@host.1234")
        await anyio.Path(tmp_path, "c.test.http").write_bytes(KEEP)
        await until_ready(running.admin.url, 200, "a.test\nc.test\n")


async def test_a_directory_that_cannot_be_read_is_said_to_be_that(tmp_path: Path) -> None:
    """Not that it holds no recording; and when it can be read again, it is."""
    recordings = tmp_path / "recordings"
    await anyio.Path(recordings).mkdir()
    async with sites({"a.test.http": KEEP}, recordings, reload_s=SOON_S) as running:
        await anyio.Path(recordings).rename(tmp_path / "kept")
        await anyio.Path(recordings).write_bytes(b"")  # no user can list it, not even root
        reason = "recordings: cannot be read (Not a directory): let other users read it (chmod a+rx)\n"
        await until_ready(running.admin.url, 503, reason)
        await anyio.Path(recordings).unlink()
        await anyio.Path(tmp_path, "kept").rename(recordings)
        await until_ready(running.admin.url, 200, "a.test\n")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.1:80", "LOCALHOST:1234"])
async def test_the_url_of_a_hosts_own_port_is_enough(tmp_path: Path, name: str) -> None:
    """A client that is given http://127.0.0.1:PORT names the address. The same bytes get each port's own host."""
    other = KEEP.replace(b"200 OK", b"203 Other")
    async with sites({"a.test.http": KEEP, "b.test.http": other}, tmp_path) as running:
        asked = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
        for host, line in 2 * [("a.test", b"HTTP/1.1 200 OK"), ("b.test", b"HTTP/1.1 203 Other")]:
            target = await target_of(running, host)
            heard = await anyio.to_thread.run_sync(target.peer.ask, asked)
            assert heard.data.splitlines()[0] == line
            assert (await target.ended())[-1]["host"] == host


async def test_a_recording_of_an_address_takes_no_other_hosts_port(tmp_path: Path) -> None:
    """Each host's own port means that host, also where another one is called 127.0.0.1."""
    async with sites(
        {"a.test.http": KEEP, "127.0.0.1.http": KEEP.replace(b"200 OK", b"203 Other")}, tmp_path
    ) as running:
        target = await target_of(running, "a.test")
        heard = await anyio.to_thread.run_sync(target.peer.ask, b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert heard.data.startswith(b"HTTP/1.1 200 OK")


async def test_a_port_of_several_hosts_needs_their_name(tmp_path: Path) -> None:
    """In a container, no host is at its address."""
    for name in ("a", "b"):
        await anyio.Path(tmp_path, f"{name}.test.http").write_bytes(KEEP)
    settings = SitesSettings(directory=tmp_path, where=LOOPBACK, admin=LOOPBACK, tls=None)
    async with serve_site(settings) as running:
        peer = Peer(running.listeners.of("a.test")[0], "a.test")
        heard = await anyio.to_thread.run_sync(peer.ask, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert heard.data.startswith(b"HTTP/1.1 421 ")
