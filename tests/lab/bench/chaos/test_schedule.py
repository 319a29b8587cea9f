"""Which actions a chaos run draws, and when."""

from collections import Counter
from itertools import pairwise

import pytest

from lab.bench.chaos.clients.inside import SCRIPTS
from lab.bench.chaos.schedule import BAD, GOOD, HELLO, HOSTS, KILL, LARGE, RECORDED, RESTART, WORKER, Step, draw

SERVICES = ("broker", "gateway", HELLO, *HOSTS, "worker")
LONG_S = 600.0
MAX_SOCKETS = 18_000
ENDS = {KILL, WORKER, RESTART}
RELOADS = {GOOD, BAD, LARGE}


def lanes(schedule: tuple[Step, ...]) -> dict[str, list[Step]]:
    """Return the steps of each lane."""
    found: dict[str, list[Step]] = {}
    for step in schedule:
        found.setdefault(step.lane, []).append(step)
    return found


def test_a_seed_draws_the_same_schedule_for_any_order_of_the_services() -> None:
    """So that a run that found something can be repeated."""
    assert draw(7, LONG_S, SERVICES) == draw(7, LONG_S, tuple(reversed(SERVICES)))


def test_another_seed_draws_another_schedule() -> None:
    """Other actions in every lane, not only other times."""
    one, other = lanes(draw(7, LONG_S, SERVICES)), lanes(draw(8, LONG_S, SERVICES))
    assert one.keys() == other.keys()
    assert all([step.kind for step in one[lane]] != [step.kind for step in other[lane]] for lane in one)


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_is_drawn_within_a_minute(seed: int) -> None:
    """So `--quick` leaves none out, and each container is killed."""
    schedule = draw(seed, 60.0, SERVICES)
    assert {step.kind for step in schedule} == {*SCRIPTS, *ENDS, *RELOADS}
    assert {step.service for step in schedule if step.kind == KILL} == set(SERVICES)


@pytest.mark.parametrize("seed", range(5))
def test_no_kind_is_drawn_twice_before_the_others(seed: int) -> None:
    """A bag is emptied before it is filled again."""
    for steps in lanes(draw(seed, LONG_S, SERVICES)).values():
        times = Counter((step.kind, step.service if step.kind == KILL else "") for step in steps if step.kind != GOOD)
        assert max(times.values()) - min(times.values()) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_a_lane_does_one_thing_after_the_other_and_ends_in_time(seed: int) -> None:
    """An action that lasts begins after the end of the one before it in its lane."""
    schedule = draw(seed, LONG_S, SERVICES)
    assert list(schedule) == sorted(schedule, key=lambda step: step.at_s)
    for steps in lanes(schedule).values():
        assert all(one.at_s + one.seconds <= other.at_s + 1e-6 for one, other in pairwise(steps))
        assert all(step.at_s > 0 and step.at_s + step.seconds <= LONG_S for step in steps)


@pytest.mark.parametrize("seconds", [*range(1, 30), LONG_S])
def test_recordings_that_are_not_valid_are_soon_replaced(seconds: float) -> None:
    """A site that is restarted with a bad set is not ready; so no bad set is left at the end."""
    kinds = [step.kind for step in draw(3, seconds, SERVICES) if step.lane == "reloads"]
    assert all((one == GOOD) is not (other == GOOD) for one, other in pairwise(kinds))
    assert kinds[-1:] in ([], [GOOD])


def test_attacks_at_once_have_fewer_sockets_than_a_process_may_open() -> None:
    """A usual limit is 20,000."""
    most = [max(step.count for step in steps) for steps in lanes(draw(3, LONG_S, SERVICES)).values()]
    assert sum(most) < MAX_SOCKETS


def test_a_fault_of_a_port_is_drawn_only_for_sites_with_a_port_of_their_own() -> None:
    """Hosts that share a port refuse `refuse`, and a plan never changes under the healthy client there."""
    schedule = draw(3, LONG_S, SERVICES)
    assert RECORDED not in {step.service for step in schedule if step.kind == "refuse"}
    changed = {step.name for step in schedule if step.kind == "faults" and step.service == RECORDED}
    assert changed == {"changed.test"}


def test_a_lab_without_a_service_is_not_asked_for_it() -> None:
    """A missing service is neither attacked nor killed."""
    services = (HELLO, "sina")
    assert {step.service for step in draw(3, LONG_S, services) if step.lane != "reloads"} <= {*services, ""}
