"""Runs without a producer: finished ones are kept and read again, and removed ones stay removed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from services.client.pipeline.jetstream import leftovers
from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.errors import NoBroker, RunRefused
from services.client.pipeline.jetstream.broker.requests import Requests, requesting
from services.client.pipeline.jetstream.broker.streams import RUNS
from services.client.pipeline.jetstream.leftovers import forget, span, sweep
from services.client.pipeline.jetstream.registry import Registry
from services.client.pipeline.jetstream.run import Run, differences
from services.client.pipeline.stages import Item, Result, reply_to
from services.client.settings import ClientSettings
from services.client.survey.options import Options as FetchOptions
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.runs import new_outcome, program, run_items, worker
from tests.client.pipeline.jetstream.test_edition import streams

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@asynccontextmanager
async def registry_of(broker: Broker) -> AsyncIterator[tuple[Registry, Requests]]:
    async with connect(broker.settings(), name="test") as connection, requesting(connection) as requests:
        yield Registry(requests), requests


async def finish(broker: Broker, *runs: str, count: int = 5) -> None:
    """Run each of these to its end."""
    async with worker(broker.settings()):
        for run in runs:
            await run_items(broker.settings(), count, outcome=new_outcome(), run=run)


async def begin(broker: Broker, run: str) -> None:
    """Begin a run, whose producer is then killed."""
    async with program("producer", broker.settings().url, run, 500, 10) as producer:
        async with worker(broker.settings()):
            await producer.says("")
        producer.process.kill()
        await producer.process.wait()


async def test_a_finished_run_is_read_again_without_work(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """Its results are there although no worker is: those who wrote them to a closed terminal have them again."""
    await finish(broker, "done", count=300)
    assert set(await streams(broker)) == {"RUNS", "RESULTS-done", "DEAD-done"}
    capsys.readouterr()
    for _ in range(2):
        again = new_outcome()
        await run_items(broker.settings(), 300, outcome=again, run="done")
        again.check(300)
        assert (again.ledger.redelivered, again.ledger.duplicates) == (0, 0)
        assert capsys.readouterr().err == "run done is finished: its results again\n"
    assert set(await streams(broker)) == {"RUNS", "RESULTS-done", "DEAD-done"}


async def test_a_job_that_was_given_up_is_told_again(broker: Broker) -> None:
    """A finished run keeps reasons, too."""

    async def fail(item: Item) -> Result:
        if item.id == 2:
            raise ValueError("no")
        return reply_to(item)

    async with worker(broker.settings(), fail):
        await run_items(broker.settings(), 3, outcome=new_outcome(), run="done")
    again = new_outcome()
    await run_items(broker.settings(), 3, outcome=again, run="done")
    assert again.ledger.reasons == {2: "ValueError: no"}
    assert len(again.ledger.recorded) == 2


async def test_no_worker_works_at_a_finished_run(broker: Broker) -> None:
    """One that starts later, too: it has only the run that is new."""
    await finish(broker, "done")
    made: Counter[int] = Counter()

    async def work(item: Item) -> Result:
        made[item.id] += 1
        return reply_to(item)

    async with worker(broker.settings(), work):
        await run_items(broker.settings(), 7, outcome=new_outcome(), run="new")
        await run_items(broker.settings(), 5, outcome=new_outcome(), run="done")
    assert made == Counter(range(1, 8))


async def test_so_many_finished_runs_are_kept(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is removed at the start of a run; the run that is asked for is not."""
    monkeypatch.setattr(leftovers, "MAX_KEPT", 2)
    await finish(broker, "a", "b", "c", "d")
    assert {each for each in await streams(broker) if each.startswith("RESULTS")} == {
        f"RESULTS-{run}" for run in ("b", "c", "d")
    }
    again = new_outcome()
    await run_items(broker.settings(), 5, outcome=again, run="b")
    again.check(5)


@pytest.mark.parametrize("limit", ["KEPT_S", "MAX_KEPT_BYTES"])
async def test_a_finished_run_that_is_old_or_large_is_removed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """After a day, or where finished runs take too much of the broker's disk."""
    await finish(broker, "a")
    monkeypatch.setattr(leftovers, limit, 0)
    async with registry_of(broker) as (registry, _):
        assert await sweep(registry, "") == []
        assert await registry.ids() == []
    assert set(await streams(broker)) == {"RUNS"}


async def test_a_run_that_is_not_kept_leaves_nothing(broker: Broker) -> None:
    """As in the embedded lab."""
    settings = replace(broker.settings(), keeps_runs=False)
    async with worker(settings):
        await run_items(settings, 5, outcome=new_outcome())
    assert set(await streams(broker)) == {"RUNS"}


@pytest.mark.parametrize("how", ["purge undone", "streams gone", "emptied"])
async def test_what_is_left_of_a_removed_run_is_no_run(
    broker: Broker, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """A crash of the broker may bring an entry back: it is not named, not worked at, and is removed."""
    await begin(broker, "gone")
    async with registry_of(broker) as (registry, requests):
        entry = await registry.entry("gone")
        assert entry
        if how == "emptied":
            await requests.ask("runs.gone", b"")
        else:
            assert await registry.remove("gone")
            await requests.ask("runs.gone", entry.data if how == "purge undone" else b"")
        assert not await registry.stands("gone", await registry.entry("gone"))
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    capsys.readouterr()
    await finish(broker, "new")
    assert "unfinished" not in capsys.readouterr().err
    assert set(await streams(broker)) == {"RUNS", "RESULTS-new", "DEAD-new"}
    async with registry_of(broker) as (registry, _):
        assert await registry.ids() == ["new"]


async def test_a_run_under_the_name_of_a_removed_one_is_new(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where its entry came back; and one line says so, since `--run` asks for one that is there."""
    await begin(broker, "same")
    async with registry_of(broker) as (registry, requests):
        entry = await registry.entry("same")
        assert entry
        await registry.remove("same")
        await requests.ask("runs.same", entry.data)
    capsys.readouterr()
    outcome = new_outcome()
    async with worker(broker.settings()):
        await run_items(broker.settings(), 7, outcome=outcome, run="same")
    outcome.check(7)
    assert capsys.readouterr().err.splitlines()[:2] == [
        "run same is new: nothing of it is at the broker",
        "run same: to go on with it, --run same",
    ]


async def test_quiet_says_only_what_is_wrong(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """That there is no such run, and not how to go on."""
    async with worker(broker.settings()):
        await run_items(broker.settings(), 1, outcome=new_outcome(), run="new", quiet=True)
        await run_items(broker.settings(), 1, outcome=new_outcome(), quiet=True)
    assert capsys.readouterr().err == "run new is new: nothing of it is at the broker\n"


async def test_a_run_is_forgotten(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """Unfinished or finished; nothing of it is left."""
    await begin(broker, "begun")
    await finish(broker, "done")
    settings = ClientSettings(broker=broker.settings())
    capsys.readouterr()
    for run in ("begun", "done"):
        assert await forget(run, settings) == 0
        assert capsys.readouterr().err == f"run {run} is removed from the broker\n"
        with pytest.raises(RunRefused, match=f"there is no run {run} at the broker"):
            await forget(run, settings)
    assert set(await streams(broker)) == {"RUNS"}


async def test_a_run_that_has_a_producer_is_not_forgotten(broker: Broker) -> None:
    """Its streams stay."""
    async with program("producer", broker.settings().url, "mine", 500, 10) as producer:
        async with worker(broker.settings()):
            await producer.says("")
        with pytest.raises(RunRefused, match="another program works on run mine"):
            await forget("mine", ClientSettings(broker=broker.settings()))
    assert "RESULTS-mine" in await streams(broker)


async def test_a_run_that_is_claimed_meanwhile_is_not_removed(broker: Broker) -> None:
    """Its entry has become another one."""
    await finish(broker, "done")
    async with registry_of(broker) as (registry, requests):
        entry = await registry.entry("done")
        assert entry
        await requests.ask("runs.done", entry.data)
        assert not await registry.remove_entry("done", entry)
    assert "RESULTS-done" in await streams(broker)
    assert RUNS in await streams(broker)


async def test_without_a_broker_nothing_is_forgotten() -> None:
    """One line says how to get one."""
    with pytest.raises(NoBroker):
        await forget("a", ClientSettings())


PLAIN = Run("x", "-i a", FetchOptions([]), 100, 0, 1, 64, 30.0, 5)


@pytest.mark.parametrize(
    ("source", "fetch", "per_host", "said"),
    [
        ("-i a", FetchOptions([]), 0, ""),
        ("-n 20000", None, 0, "-n 20000"),
        ("-i b", FetchOptions([], timeout_s=3), 4, "-i b"),
        ("-i a", FetchOptions([], timeout_s=2.5, strict=True), 0, "--strict, --timeout 2.5"),
        ("-i a", FetchOptions([], follow=True), 4, "--location, --per-host 4"),
        ("-i a", FetchOptions([], header=["Cookie: secret"]), 0, "another --header"),
        ("-i a", FetchOptions([], path="/a b"), 0, "--path '/a b'"),
    ],
)
def test_what_a_run_was_begun_with(source: str, fetch: FetchOptions | None, per_host: int, said: str) -> None:
    """Only what differs, as a person types it."""
    stored = Run("x", source, fetch, 100, per_host, 1, 64, 30.0, 5)
    assert differences(PLAIN, stored) == said


def test_what_a_run_was_begun_without() -> None:
    """Options that the run had not."""
    asked = Run("x", "-i a", FetchOptions([], strict=True, ca="f"), 100, 3, 1, 64, 30.0, 5)
    assert differences(asked, PLAIN) == "no --ca, no --per-host, no --strict"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200000, "2 d")]
)
def test_an_age(seconds: float, text: str) -> None:
    """In its largest unit."""
    assert span(seconds) == text
