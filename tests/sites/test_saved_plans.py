"""Plans that were set at run time and a restart: which come back, which do not, and which cannot be saved."""

import asyncio
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import anyio
import anyio.to_thread
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sites import saved_plans
from services.sites.replay.recording import read_recording
from services.sites.replay.sidecar import NOTHING_SAID
from services.sites.server import RunningSite
from services.sites.settings import SitesSettings
from services.sites.site import Site
from tests.sites.target import KEEP, Target, sites, target_of

pytestmark = pytest.mark.anyio

Result = TypeVar("Result")

HOST = "keep.test"
NO_CHANGES: Mapping[str, object] = MappingProxyType({})
FILE = "plans-all.json"
RULES: list[dict[str, object]] = [
    {"fault": "rst_at", "bytes": 40, "first": 3, "seed": 7},
    {"fault": "status", "status": 503, "every": 2, "probability": 0.5, "per": "connection"},
    {"fault": "delay", "seconds": 0.25, "ttl_s": 3600},
    {"fault": "refuse", "ttl_s": 0.001},
    {"fault": "tls_expired"},
]
RULE = {"fault": "rst_at", "bytes": 40}


async def in_thread(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, which asks the file system."""
    return await anyio.to_thread.run_sync(work)


@asynccontextmanager
async def site(
    place: Path, sidecar: str = "", changes: Mapping[str, object] = NO_CHANGES
) -> AsyncIterator[tuple[RunningSite, Target]]:
    """Run a site that keeps its plans in `place`/state."""
    for name in ("recordings", "state"):
        await anyio.Path(place, name).mkdir(exist_ok=True)
    files = {f"{HOST}.http": KEEP} | ({f"{HOST}.toml": sidecar.encode()} if sidecar else {})
    async with sites(files, place / "recordings", **{"state": place / "state", **changes}) as running:
        yield running, await target_of(running, HOST)


async def plan_of(target: Target) -> Mapping[str, object]:
    """Return the plan in force, as the admin side tells it."""
    status, answer = await target.call("GET", f"/faults/{HOST}")
    assert status == 200
    return answer


def settings_of(plan: Mapping[str, object]) -> list[dict[str, object]]:
    """Return a plan's rules without what they have seen and what is left of their time."""
    rules = plan["faults"]
    assert isinstance(rules, list)
    return [
        {name: each[name] for name in each if name not in {"seen", "fired", "remaining_s", "ttl_s"}} for each in rules
    ]


async def test_a_plan_comes_back_with_its_seeds_and_begins_to_count_anew(tmp_path: Path) -> None:
    """Every kind of rule but the one whose time is over; the generation has grown."""
    async with site(tmp_path) as (_, target):
        await target.set_plan(RULES)
        before = await plan_of(target)
    async with site(tmp_path) as (_, target):
        after = await plan_of(target)
    assert settings_of(after) == [rule for rule in settings_of(before) if rule["fault"] != "refuse"]
    assert after["source"] == "admin"
    assert int(str(after["generation"])) > int(str(before["generation"]))
    assert isinstance(after["faults"], list)
    assert all((rule["seen"], rule["fired"]) == (0, 0) for rule in after["faults"])
    assert [rule["remaining_s"] is not None for rule in after["faults"]] == [False, False, True, False]


async def test_time_to_live_goes_on_while_nothing_runs(tmp_path: Path) -> None:
    """By the wall clock; a clock that was set back gives no rule more than it had."""
    async with site(tmp_path) as (_, target):
        await target.set_plan([RULE | {"ttl_s": 100}, RULE | {"ttl_s": 1000}])
    file = anyio.Path(tmp_path, "state", FILE)
    kept = json.loads(await file.read_text())
    kept["hosts"][HOST]["set_at"] -= 500
    await file.write_text(json.dumps(kept))
    async with site(tmp_path) as (_, target):
        (rule,) = (await plan_of(target))["faults"]  # type: ignore[misc]
    assert 490 < rule["remaining_s"] <= 500  # type: ignore[has-type]
    kept["hosts"][HOST]["set_at"] = time.time() + 10_000
    await file.write_text(json.dumps(kept))
    async with site(tmp_path) as (_, target):
        found = (await plan_of(target))["faults"]
    assert isinstance(found, list)
    assert [round(each["remaining_s"]) for each in found] == [100, 1000]


async def test_a_plan_that_was_cleared_stays_cleared_and_one_that_was_reset_is_the_sidecars(tmp_path: Path) -> None:
    """The last command counts, also where it removes all faults."""
    sidecar = '[[faults]]\nfault = "rst_at"\nbytes = 1\n'
    async with site(tmp_path, sidecar=sidecar) as (_, target):
        assert (await target.call("DELETE", f"/faults/{HOST}"))[0] == 200
    async with site(tmp_path, sidecar=sidecar) as (_, target):
        assert settings_of(await plan_of(target)) == []
        assert (await target.call("POST", f"/faults/{HOST}/reset"))[0] == 200
    async with site(tmp_path, sidecar=sidecar) as (_, target):
        plan = await plan_of(target)
    assert (plan["source"], len(settings_of(plan))) == ("sidecar", 1)


async def test_a_plan_that_no_longer_fits_gives_way_to_the_sidecars(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The recording became shorter meanwhile: one line says so."""
    async with site(tmp_path) as (_, target):
        await target.set_plan([RULE])
    file = anyio.Path(tmp_path, "state", FILE)
    await file.write_text((await file.read_text()).replace('"bytes":40', f'"bytes":{len(KEEP)}'))
    async with site(tmp_path) as (_, target):
        assert (await plan_of(target))["source"] == "sidecar"
    assert "no longer fits" in caplog.text


HOSTILE = {
    "empty": b"",
    "not JSON": b"{",
    "not text": b"\xff\xfe",
    "not an object": b"[]",
    "deep": b"[" * 100_000,
    "too large": b" " * (saved_plans.MAX_FILE_BYTES + 1),
    "another key": b'{"generation": 1, "hosts": {}, "x": 1}',
    "a name twice": b'{"generation": 1, "generation": 2, "hosts": {}}',
    "generation is true": b'{"generation": true, "hosts": {}}',
    "generation is huge": b'{"generation": 1e400, "hosts": {}}',
    "generation is negative": b'{"generation": -1, "hosts": {}}',
    "hosts is a list": b'{"generation": 1, "hosts": []}',
    "no time": b'{"generation": 1, "hosts": {"keep.test": {"faults": []}}}',
    "time is no number": b'{"generation": 1, "hosts": {"keep.test": {"set_at": "now", "faults": []}}}',
    "time is infinite": b'{"generation": 1, "hosts": {"keep.test": {"set_at": 1e999, "faults": []}}}',
    "time is huge": b'{"generation": 1, "hosts": {"keep.test": {"set_at": 1%s, "faults": []}}}' % (b"0" * 400),
    "time is not a number": b'{"generation": 1, "hosts": {"keep.test": {"set_at": NaN, "faults": []}}}',
    "unknown fault": b'{"generation": 1, "hosts": {"keep.test": {"set_at": 1, "faults": [{"fault": "x"}]}}}',
    "too many rules": json.dumps({"generation": 1, "hosts": {HOST: {"set_at": 1, "faults": [RULE] * 101}}}).encode(),
    "controls": b'{"generation": 1, "hosts": {"\\u001b[2J": {}}}',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
async def test_a_file_of_another_format_is_one_line_and_the_sidecars_plan(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is checked as a PUT is; the site is ready, and the next change is saved."""
    await anyio.Path(tmp_path, "state").mkdir()
    await anyio.Path(tmp_path, "state", FILE).write_bytes(data)
    async with site(tmp_path) as (running, target):
        assert not running.site.trouble
        assert (await plan_of(target))["source"] == "sidecar"
        await target.set_plan([RULE])
    lost = [record.getMessage() for record in caplog.records if "are lost" in record.getMessage()]
    assert len(lost) == 1
    assert lost[0].isprintable()
    async with site(tmp_path) as (_, target):
        assert (await plan_of(target))["source"] == "admin"


NUMBERS = st.integers() | st.floats() | st.integers(300, 4000).map(lambda power: 10**power)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20) | st.sampled_from([HOST, RULE, RULES])
JSON = st.recursive(LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each))
RULE_LIKE = st.dictionaries(st.sampled_from([*RULE, "seconds", "ttl_s", "seed", "per", "first", "x"]), JSON)
ENTRY = st.fixed_dictionaries({"set_at": NUMBERS | JSON, "faults": JSON | st.lists(RULE_LIKE | st.just(RULE))})
FILE_LIKE = st.fixed_dictionaries(
    {"generation": NUMBERS | st.just(1), "hosts": st.dictionaries(st.just(HOST) | st.text(), ENTRY, max_size=3) | JSON}
)


@given(st.binary() | (FILE_LIKE | JSON).map(lambda said: json.dumps(said).encode()))
@example(b'{"generation":1,"hosts":{"keep.test":{"set_at":1%s,"faults":[]}}}' % (b"0" * 400))
def test_no_content_of_the_file_fails_the_site(data: bytes) -> None:
    """Reading any file ends, and each plan that is kept can be saved again."""
    with tempfile.TemporaryDirectory() as place:
        Path(place, FILE).write_bytes(data)
        here = Site(SitesSettings(state=Path(place)), {HOST: read_recording(HOST, KEEP, NOTHING_SAID)})
        asyncio.run(saved_plans.SavedPlans(Path(place), ()).restore(here))
    assert not here.trouble
    assert json.loads(saved_plans.serialized(here))["generation"] == here.generation


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
async def test_a_link_or_a_fifo_in_the_files_place_is_ignored(tmp_path: Path, kind: str) -> None:
    """A site starts although such a thing has the file's name."""
    trap, precious = tmp_path / "state" / FILE, tmp_path / "precious"
    await in_thread(lambda: lay(trap, kind, precious))
    async with site(tmp_path) as (_, target):
        await target.set_plan([RULE])
        assert len(settings_of(await plan_of(target))) == 1
    assert await anyio.Path(precious).read_text() == "precious"


def lay(trap: Path, kind: str, precious: Path) -> None:
    """Make something that is not a regular file where a file of plans should be."""
    trap.parent.mkdir()
    precious.write_text("precious")
    match kind:
        case "link":
            trap.symlink_to(precious)
        case "fifo":
            os.mkfifo(trap)
        case _:
            trap.mkdir()


@pytest.mark.parametrize("trouble", ["full", "gone", "too much"])
async def test_a_change_that_cannot_be_saved_is_in_force_all_the_same(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so; an older plan does not come back in its place."""
    changes: dict[str, object] = {}
    async with site(tmp_path) as (_, target):
        await target.set_plan([RULE])
    match trouble:
        case "full":
            monkeypatch.setattr(saved_plans, "replace_whole", full)
        case "gone":
            changes["state"] = tmp_path / "nowhere"
        case _:
            monkeypatch.setattr(saved_plans, "MAX_FILE_BYTES", 400)
    async with site(tmp_path, changes=changes) as (_, target):
        for _ in range(3):
            await target.set_plan([RULE] * 20)
        assert len(settings_of(await plan_of(target))) == 20
    assert caplog.text.count("do not survive a restart") == 1
    monkeypatch.undo()
    async with site(tmp_path, changes=changes) as (_, target):
        assert (await plan_of(target))["source"] == "sidecar"


def full(_file: Path, _data: bytes) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


async def test_the_file_is_its_sites_alone(tmp_path: Path) -> None:
    """Mode 0600, and one file for each set of hosts that shares the directory."""
    async with site(tmp_path) as (_, target):
        await target.set_plan([RULE])
    async with site(tmp_path, changes={"hosts": (HOST,)}) as (_, target):
        assert (await plan_of(target))["source"] == "sidecar"
        await target.set_plan([RULE])
    files = await in_thread(lambda: sorted((tmp_path / "state").iterdir()))
    assert [file.name for file in files] == [FILE, f"plans-{HOST}.json"]
    assert await in_thread(lambda: [file.stat().st_mode & 0o777 for file in files]) == [0o600, 0o600]
    assert saved_plans.name_of(("a/../b", "c")) != saved_plans.name_of(("a/../b", "d"))
    assert saved_plans.PLAIN_NAME.fullmatch(saved_plans.name_of(tuple(f"h{n}.example" for n in range(200))))


async def test_a_sidecar_that_changes_outlives_the_plan_that_it_replaced(tmp_path: Path) -> None:
    """Hot reload puts the new sidecar's plan in force; a restart must not bring the older one back."""
    async with site(tmp_path, changes={"reload_s": 0.02}) as (_, target):
        await target.set_plan([RULE])
        await anyio.Path(tmp_path, "recordings", f"{HOST}.toml").write_text('[[faults]]\nfault = "rst_at"\nbytes = 1\n')
        with anyio.fail_after(20):
            while (await plan_of(target))["source"] != "sidecar":  # noqa: ASYNC110 - the site looks in its own time
                await anyio.sleep(0.02)
            while '"hosts":{}' not in await anyio.Path(tmp_path, "state", FILE).read_text():  # noqa: ASYNC110
                await anyio.sleep(0.02)


async def test_plans_are_restored_when_the_recordings_are_corrected(tmp_path: Path) -> None:
    """A site that starts unready judges them later."""
    async with site(tmp_path) as (running, target):
        await target.set_plan([RULE])
        settings = dataclasses.replace(running.site.settings, reload_s=0.02, ca=None)
    broken = anyio.Path(tmp_path, "recordings", f"{HOST}.http")
    await broken.write_bytes(b"junk\n")
    from services.sites.server import serve_site

    async with serve_site(settings) as running:
        assert running.site.trouble
        await broken.write_bytes(KEEP)
        with anyio.fail_after(20):
            while running.site.trouble:  # noqa: ASYNC110 - the site looks in its own time
                await anyio.sleep(0.02)
        assert running.site.hosts[HOST].latest.source == "admin"
