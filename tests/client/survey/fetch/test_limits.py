"""--rate and --per-host, and the tasks that wait for them."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from services.client.network.resolver import Resolver
from services.client.survey.deadlines import DeadlineSweeper, Expired, SurveyStopped
from services.client.survey.fetch import limits as limits_module
from services.client.survey.fetch.limits import CATCH_UP_S, KeyedSemaphore, RateLimiter
from services.client.survey.progress import NoProgress, Progress
from services.client.topology import Topology
from tests.client.peers import Peer, closing, sends, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import ROOT, children_of, command, survey


@pytest.mark.anyio
async def test_a_rate_holds_under_concurrency(monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of tasks: requests are a period apart, and never early."""
    limiter, clock = RateLimiter(200), SeenClock()
    monkeypatch.setattr(limits_module, "time", clock)
    turns: list[float] = []

    async def take(sweeper: DeadlineSweeper) -> None:
        deadline = sweeper.deadline()
        for _ in range(4):
            await limiter.acquire(deadline)
            turns.append(time.monotonic() if turns else clock.seen[0])  # the first one's period begins there

    with DeadlineSweeper() as sweeper:
        await asyncio.gather(*(take(sweeper) for _ in range(5)))
    assert all(later - turns[0] >= place / 200 - 0.002 for place, later in enumerate(turns))


class SeenClock:
    """A clock that keeps what it told: this process may be stopped between that and the next line of a test."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        self.seen.append(time.monotonic())
        return self.seen[-1]


class Clock:
    """A clock that a test may set forward, as the machine's looks to a process that was stopped."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return time.monotonic() + self.ahead_s


@pytest.mark.anyio
@pytest.mark.parametrize("waiting", [True, False], ids=["tasks wait", "none waits"])
async def test_a_pause_is_not_made_up_for(waiting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is planned ahead, so none becomes due while the process is stopped, or while no task asks."""
    clock = Clock()
    monkeypatch.setattr(limits_module, "time", clock)
    limiter, rate, tasks = RateLimiter(100), 100, 500
    turns: list[float] = []

    async def take(sweeper: DeadlineSweeper) -> None:
        await limiter.acquire(sweeper.deadline())
        turns.append(clock.monotonic())

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        with DeadlineSweeper() as sweeper:
            if not waiting:
                await take(sweeper)
            workers = [group.create_task(take(sweeper)) for _ in range(tasks if waiting else 0)]
            await asyncio.sleep(0)
            before = len(turns)
            clock.ahead_s = 8.0
            began = clock.monotonic()
            workers += [group.create_task(take(sweeper)) for _ in range(0 if waiting else tasks)]
            while len(turns) < before + 30:  # noqa: ASYNC110 - a turn has no event
                await asyncio.sleep(0.001)
            for worker in workers:
                worker.cancel()
    since = [at - began for at in turns[before:]]
    assert all(count <= rate * (at + CATCH_UP_S) + 1 for count, at in enumerate(since, 1)), since


@pytest.mark.anyio
async def test_a_task_that_no_longer_waits_uses_no_slot_of_the_rate() -> None:
    """The next task that still waits gets it."""
    limiter = RateLimiter(50)
    with DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        await limiter.acquire(deadline)
        gone = [asyncio.ensure_future(limiter.acquire(sweeper.deadline())) for _ in range(2000)]
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        async with asyncio.timeout(20):  # half of what they would have taken
            await limiter.acquire(deadline)


@pytest.mark.alone
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the server; the survey has a process of its own
@pytest.mark.parametrize("options", [("--loop=asyncio",), ("--loop=uvloop",), ("--processes=2",)], ids=" ".join)
async def test_a_survey_that_was_stopped_does_not_burst(options: Sequence[str]) -> None:
    """SIGSTOP and SIGCONT: however many tasks waited for their turns, the rate holds at every moment after it."""
    rate, stopped_s, unsent = 200, 1.0, 10
    began = 0.0
    counts: list[tuple[int, float]] = []
    some = asyncio.Event()
    seen = 0

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        seen += 1
        counts.append((seen, time.monotonic() - began))
        if seen == 40:
            some.set()
        writer.write(OK)

    async with serving(host=notes) as topology:
        process = await asyncio.create_subprocess_exec(
            *command("-i", "-", "--format", "csv", "-c", "1000", "-q", "--rate", str(rate), *options),
            *("--resolve", f"*:80:127.0.0.1:{topology.routes['host', 80][1]}"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin
        async with asyncio.timeout(30):
            process.stdin.write(b"host\n" * 400)
            process.stdin.close()
            await some.wait()
            everything = [process.pid, *await asyncio.to_thread(children_of, process.pid)]
            send_to(everything, signal.SIGSTOP)
            await asyncio.sleep(stopped_s)
            counts.clear()
            seen, began = 0, time.monotonic()
            send_to(everything, signal.SIGCONT)
            assert await process.wait() == 0
    assert counts, "it was stopped after its last request"
    wrong = [each for each in counts if each[0] > rate * (each[1] + CATCH_UP_S) + unsent]
    assert not wrong


def send_to(processes: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to each process that has not ended."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.mark.anyio
async def test_a_rate_is_of_requests_and_of_look_ups_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups that all end at once, after a resolver's pause, are no burst of requests; a dead name takes no turn."""
    released = threading.Event()

    def ask(host: str) -> list[str]:
        released.wait(20)
        if host.startswith("dead"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return ["127.0.0.1"]

    came: list[float] = []

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.append(time.monotonic() - began)
        writer.write(OK)

    class Stalled(Resolver):
        def __init__(self) -> None:
            super().__init__(ask)

    monkeypatch.setattr("services.client.survey.fetch.fetcher.Resolver", Stalled)
    rate = 200
    async with serving(host=notes) as topology, asyncio.timeout(20):
        port = topology.routes["host", 80][1]
        targets = [f"{kind}-{number}:{port}" for number in range(40) for kind in ("dead", "live")]
        surveying = asyncio.ensure_future(survey(targets, tmp_path / "out", concurrency=80, rate=rate))
        await asyncio.sleep(80 / rate)  # so that all have had their turn to be looked up
        began = time.monotonic()
        released.set()
        _, records = await surveying
    assert [record["error"] for record in records] == ["dns", None] * 40
    assert all(count <= rate * (at + CATCH_UP_S) + 1 for count, at in enumerate(came, 1)), came


@pytest.mark.anyio
async def test_places_are_served_in_order_and_key_by_key() -> None:
    """No key waits for another; a free place goes to the task that has waited longest."""
    semaphore, got = KeyedSemaphore(1), []

    async def take(key: str, name: str, sweeper: DeadlineSweeper) -> None:
        await semaphore.acquire(key, sweeper.deadline())
        got.append(name)
        await asyncio.sleep(0)
        semaphore.release(key)

    with DeadlineSweeper() as sweeper:
        await asyncio.gather(*(take(key, f"{key}{number}", sweeper) for number in range(3) for key in "ab"))
        assert got == ["a0", "b0", "a1", "b1", "a2", "b2"]
        assert not semaphore._holders
        assert not semaphore._waiters


@pytest.mark.anyio
async def test_a_task_that_is_cut_off_no_longer_waits() -> None:
    """A place that is granted later is not lost."""
    semaphore = KeyedSemaphore(1)
    with DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        await semaphore.acquire("key", deadline)
        waiting = asyncio.ensure_future(semaphore.acquire("key", sweeper.deadline()))
        await asyncio.sleep(0)
        sweeper.stop_after(0)
        with pytest.raises(SurveyStopped):
            await waiting
    semaphore.release("key")
    assert not semaphore._holders


@pytest.mark.anyio
async def test_a_wait_ends_at_its_deadline_and_not_before() -> None:
    """One sweeper for all: each wait has its own deadline."""
    loop = asyncio.get_running_loop()
    with DeadlineSweeper() as sweeper:
        now = time.monotonic()
        for wait_s in (0.0, 0.03):
            with pytest.raises(Expired):
                await sweeper.deadline().wait(loop.create_future(), now + wait_s)
            assert time.monotonic() >= now + wait_s
        done: asyncio.Future[int] = loop.create_future()
        done.set_result(4)
        assert await sweeper.deadline().wait(done, now) == 4


def counting() -> tuple[Peer, list[int]]:
    """Return a peer, and the list of how many it served at once, as they came."""
    seen: list[int] = []
    at_once = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once
        at_once += 1
        seen.append(at_once)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.005)
        at_once -= 1  # before the answer: after it, the client may ask again at once
        writer.write(OK)

    return counted, seen


@pytest.mark.anyio
@pytest.mark.parametrize("by", ["name", "address"])
async def test_a_host_is_asked_by_so_many_at_once(by: str, tmp_path: Path) -> None:
    """By name, and by the address that several names share; other hosts go on meanwhile, with their own deadlines."""
    peer, seen = counting()
    async with serving(one=peer, other=sends(OK)) as topology:
        address = topology.routes["one", 80]
        aliases = {(f"alias-{number}", 80): address for number in range(20)}
        names = ["one"] * 20 if by == "name" else [host for host, _ in aliases]
        code, records = await survey(
            [*names, "other"],
            tmp_path / "out",
            Topology({**topology.routes, **aliases}),
            concurrency=8,
            per_host=2,
            timeout_s=20.0,
        )
    assert code == 0, [record["detail"] for record in records if record["error"]]
    assert len(seen) == 20
    assert max(seen) == 2


@pytest.mark.anyio
async def test_every_address_of_a_name_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the one that is connected to because the first one refused; and an IPv6 address that stands for another."""

    class Several(Resolver):
        def __init__(self) -> None:
            super().__init__(lambda host: [f"127.0.1.{host.removeprefix('host-')}", "127.0.0.2"])

    monkeypatch.setattr("services.client.survey.fetch.fetcher.Resolver", Several)
    peer, seen = counting()
    server = await asyncio.start_server(closing(peer), "127.0.0.2", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        names = [f"host-{number}:{port}" for number in range(1, 9)]
        code, records = await survey([*names, f"127.0.0.2:{port}"], tmp_path / "out", per_host=1)
    assert code == 0, [record["detail"] for record in records if record["error"]]
    assert {record["ip"] for record in records} == {"127.0.0.2"}
    assert (len(seen), max(seen)) == (9, 1)


@pytest.mark.anyio
async def test_hosts_that_are_reached_at_each_other_s_address_do_not_wait_for_ever(tmp_path: Path) -> None:
    """As with --resolve: a task that holds one key must not wait for the other, and the reverse (a deadlock)."""
    async with serving(one=sends(OK)) as topology:
        port = topology.routes["one", 80][1]
        crossed = Topology({("127.0.0.1", 80): ("127.0.0.2", port), ("127.0.0.2", 80): ("127.0.0.1", port)})
        targets = ["127.0.0.1", "127.0.0.2"] * 20
        async with asyncio.timeout(20):
            _, records = await survey(targets, tmp_path / "out", crossed, per_host=1)
    assert len(records) == 40


@pytest.mark.anyio
async def test_no_more_than_concurrency_are_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where targets that wait for their host let others pass; the progress shows no more than that."""
    shown: list[int] = []

    class Noting(NoProgress):
        def show(self, progress: Progress) -> None:
            shown.append(progress.in_flight)

    monkeypatch.setattr("services.client.survey.run.progress_view", lambda **_: Noting())
    peer, seen = counting()
    async with serving(one=peer) as topology:
        aliases = {(f"127.0.0.{number}", 80): topology.routes["one", 80] for number in range(1, 31)}
        names = [host for host, _ in aliases]
        for per_host in (0, 30):
            seen.clear()
            code, _ = await survey(names, tmp_path / "out", Topology(aliases), concurrency=3, per_host=per_host)
            assert (code, len(seen), max(seen)) == (0, 30, 3)
    assert all(0 <= in_flight <= 3 for in_flight in shown), shown
