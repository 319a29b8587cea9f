"""Temporary plans: a plan for some time, after which the plan before it is in force again."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.sites.admin.test_admin import STATUS, first_bytes
from tests.sites.target import KEEP, Target, one_site, sites, target_of

pytestmark = pytest.mark.anyio

DELAY = {"faults": [{"fault": "delay", "seconds": 0}]}
NOW_AND_THEN = [
    {"fault": "status", "status": 503, "every": 2, "seed": 7},
    {"fault": "rst_at", "bytes": 4, "first": 1, "ttl_s": 3600},
]


async def plan_of(target: Target) -> Mapping[str, object]:
    """Return a host's plan as it is now, without the seconds that run."""
    status, plan = await target.call("GET", f"/faults/{target.host}")
    assert status == 200
    for rule in plan["faults"]:  # type: ignore[attr-defined]
        rule["remaining_s"] = rule["remaining_s"] is not None
    return plan


async def lend(target: Target, query: str = "for_s=600") -> object:
    """Put a temporary plan in force, and return its generation."""
    status, plan = await target.call("PUT", f"/faults/{target.host}/temporary?{query}", DELAY)
    assert (status, plan["source"]) == (200, "temporary")
    return plan["generation"]


async def end(target: Target, generation: object) -> Mapping[str, object]:
    """End a temporary plan, and return the one that is then in force."""
    status, plan = await target.call("DELETE", f"/faults/{target.host}/temporary?generation={generation}")
    assert status == 200
    return plan


@pytest.mark.parametrize("plan", [[], [STATUS], NOW_AND_THEN], ids=["none", "one", "counting"])
async def test_the_plan_below_comes_back_with_all_that_it_has_seen(
    tmp_path: Path, plan: list[dict[str, object]]
) -> None:
    """With its generation and counts: a rule for every second request continues where it was."""
    async with one_site(tmp_path) as target:
        await target.set_plan(plan)
        await first_bytes(target)
        before = await plan_of(target)
        generation = await lend(target)
        assert await first_bytes(target) == KEEP[:12]
        await end(target, generation)
        assert await plan_of(target) == before


async def test_the_sidecars_plan_is_still_the_sidecars_after(tmp_path: Path) -> None:
    """A reset then changes nothing."""
    sidecar = b'[[faults]]\nfault = "status"\nstatus = 503\n'
    async with sites({"a.test.http": KEEP, "a.test.toml": sidecar}, tmp_path) as running:
        target = await target_of(running, "a.test")
        before = await plan_of(target)
        await end(target, await lend(target))
        assert (await plan_of(target), before["source"]) == (before, "sidecar")


async def test_of_two_temporary_plans_the_later_is_in_force_and_one_plan_is_below(tmp_path: Path) -> None:
    """In whichever order they are removed, the plan from before both comes back."""
    async with one_site(tmp_path) as target:
        await target.set_plan([STATUS])
        before = await plan_of(target)
        first, second = await lend(target), await lend(target)
        assert (await end(target, first))["generation"] == second
        await end(target, second)
        assert await plan_of(target) == before


async def test_a_plan_that_is_set_meanwhile_stays(tmp_path: Path) -> None:
    """It is newer than the plan that would come back."""
    async with one_site(tmp_path) as target:
        generation = await lend(target)
        await target.set_plan([STATUS])
        after = await plan_of(target)
        assert after["source"] == "admin"
        await end(target, generation)
        assert await plan_of(target) == after


async def test_a_temporary_plan_ends_by_itself(tmp_path: Path) -> None:
    """So it ends also if its client was killed."""
    async with one_site(tmp_path) as target:
        await target.set_plan([STATUS])
        before = await plan_of(target)
        await lend(target, "for_s=1")
        while await plan_of(target) != before:
            pass  # the site looks every quarter of a second; the test has a deadline
        assert (await first_bytes(target))[:12] == b"HTTP/1.1 503"


async def test_a_port_that_the_plan_below_closes_is_open_meanwhile(tmp_path: Path) -> None:
    """Ports follow the plan in force."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "refuse"}])
        generation = await lend(target)
        assert await first_bytes(target) == KEEP[:12]
        await end(target, generation)
        with pytest.raises(ConnectionRefusedError):
            await first_bytes(target)


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("PUT", ""),
        ("PUT", "for_s=0"),
        ("PUT", "for_s=3601"),
        ("PUT", "for_s=1.5"),
        ("PUT", "for_s=1&for_s=2"),
        ("PUT", "for_s=1&more=2"),
        ("PUT", "for_s=٣"),
        ("DELETE", ""),
        ("DELETE", "generation=-1"),
        ("DELETE", "generation=" + "9" * 18),
    ],
)
async def test_a_query_that_is_not_as_documented_is_refused_and_changes_nothing(
    tmp_path: Path, method: str, query: str
) -> None:
    """One field, one reason."""
    async with one_site(tmp_path) as target:
        before = await plan_of(target)
        status, answer = await target.call(method, f"/faults/{target.host}/temporary?{query}", DELAY)
        assert (status, answer["error"]) == (422, "bad_query")
        assert await plan_of(target) == before


async def test_a_bad_plan_leaves_the_temporary_one_in_force(tmp_path: Path) -> None:
    """A plan that is refused changes nothing."""
    async with one_site(tmp_path) as target:
        await lend(target)
        before = await plan_of(target)
        bad = {"faults": [{"fault": "fin_at", "bytes": 9999}]}
        assert (await target.call("PUT", f"/faults/{target.host}/temporary?for_s=9", bad))[0] == 422
        assert await plan_of(target) == before
