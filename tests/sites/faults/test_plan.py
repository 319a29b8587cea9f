"""Plans: what they may hold, which requests they apply to, and that the same seed gives the same faults."""

from collections.abc import Mapping, Sequence

import pytest

from services.sites.faults.active import ActivePlan, ActiveRule
from services.sites.faults.catalog import FAULTS, Stage
from services.sites.faults.plan import BadPlan, misplaced, read_plan
from services.sites.faults.script import Ending, Pause, Response

RESPONSE = Response(b"HTTP/1.1 200 OK\r\n\r\n", b"", Ending.CLOSE)


def in_force(*rules: Mapping[str, object], now: float = 0.0) -> ActivePlan:
    """Return a plan that is in force since `now`."""
    return ActivePlan(read_plan(list(rules)), generation=1, source="admin", now=now)


def injected(plan: ActivePlan, count: int, now: float = 0.0) -> list[int]:
    """Return which of so many requests get a fault, counted from 1."""
    return [number for number in range(1, count + 1) if plan.decide(Stage.REQUEST, now, {})]


STATUS = {"fault": "status", "status": 503}

SELECTIONS: dict[str, tuple[dict[str, object], Sequence[int]]] = {
    "all": ({}, range(1, 13)),
    "the first 3": ({"first": 3}, [1, 2, 3]),
    "every 4th": ({"every": 4}, [4, 8, 12]),
    "every 4th of the first 8": ({"every": 4, "first": 8}, [4, 8]),
    "never": ({"probability": 0}, []),
    "always": ({"probability": 1}, range(1, 13)),
}


@pytest.mark.parametrize(("when", "numbers"), SELECTIONS.values(), ids=SELECTIONS)
def test_a_rule_applies_to_the_requests_that_it_names(when: dict[str, object], numbers: Sequence[int]) -> None:
    """Counted since the plan was set."""
    assert injected(in_force({**STATUS, **when}), 12) == list(numbers)


def test_probability_0_gives_no_fault_in_10_000_requests() -> None:
    """Each of them was checked against the rule."""
    plan = in_force({**STATUS, "probability": 0})
    assert injected(plan, 10_000) == []
    assert (plan.rules[0].seen, plan.rules[0].fired) == (10_000, 0)


def test_the_same_seed_gives_the_same_faults_and_another_others() -> None:
    """So that a failure can be repeated."""
    one, same, other = (in_force({**STATUS, "probability": 0.3, "seed": seed}) for seed in (1, 1, 2))
    first = injected(one, 1000)
    assert 200 < len(first) < 400
    assert injected(same, 1000) == first
    assert injected(other, 1000) != first


def test_a_drawn_seed_is_shown() -> None:
    """Without it, the run could not be repeated."""
    plan = in_force({**STATUS, "probability": 0.5})
    assert injected(in_force(plan.plan[0].as_json()), 100) == injected(plan, 100)


def test_drawn_delays_repeat_with_the_seed_and_differ_from_request_to_request() -> None:
    """Each fault draws its own delay."""
    rule: dict[str, object] = {"fault": "delay", "distribution": "lognormal", "median_s": 1, "sigma": 1, "seed": 5}

    def delays() -> list[Pause]:
        plan = in_force(rule)
        injections = [plan.decide(Stage.REQUEST, 0.0) for _ in range(20)]
        steps = [step for injection in injections if injection for step in injection.script(RESPONSE, "/")]
        return [step for step in steps if isinstance(step, Pause)]

    assert delays() == delays()
    assert len(set(delays())) == 20


def test_no_drawn_delay_is_longer_than_an_hour() -> None:
    """Every wait has a deadline, also in the tail of a distribution."""
    plan = in_force({"fault": "delay", "distribution": "lognormal", "median_s": 3600, "sigma": 10})
    for _ in range(100):
        injection = plan.decide(Stage.REQUEST, 0.0)
        assert injection
        assert all(step.seconds <= 3600 for step in injection.script(RESPONSE, "/") if isinstance(step, Pause))


def test_a_rule_ends_with_its_time_to_live() -> None:
    """It neither applies to later requests nor counts them."""
    plan = in_force({**STATUS, "ttl_s": 10}, now=100.0)
    assert injected(plan, 2, now=109.9) == [1, 2]
    assert injected(plan, 2, now=110.0) == []
    assert plan.as_json(now=105.0)["faults"][0]["remaining_s"] == 5.0  # type: ignore[index]


def test_the_first_rule_that_applies_wins_and_all_of_them_count() -> None:
    """What a rule has seen does not depend on those before it."""
    plan = in_force({"fault": "drip", "every": 2}, {**STATUS, "every": 3})
    names = [injection.name if (injection := plan.decide(Stage.REQUEST, 0.0)) else "" for _ in range(6)]
    assert names == ["", "drip", "status", "drip", "", "drip"]
    assert [(rule.seen, rule.fired) for rule in plan.rules] == [(6, 3), (6, 1)]


def test_per_connection_a_rule_is_decided_once() -> None:
    """The first connection's requests all get it, the second's none."""
    plan = in_force({**STATUS, "first": 1, "per": "connection"})
    connections: list[dict[ActiveRule, bool]] = [{}, {}]
    assert [bool(plan.decide(Stage.REQUEST, 0.0, seen)) for seen in connections for _ in range(3)] == [True] * 3 + [
        False
    ] * 3
    assert plan.rules[0].seen == 2


def test_every_rule_can_be_said_again_as_it_is_shown() -> None:
    """What `list` prints is what `set` takes."""
    for fault in FAULTS.values():
        given = {each.name: each.least for each in fault.parameters if each.default is None and not each.optional}
        given |= {"seconds": 1.0} if fault.name == "delay" else {}
        plan = read_plan([{"fault": fault.name, **given}])
        assert read_plan([plan[0].as_json()]) == plan


BAD: dict[str, tuple[object, dict[str, str]]] = {
    "no list": ({}, {"faults": "is not a list"}),
    "too many rules": ([STATUS] * 101, {"faults": "has 101 rules, and 100 is the limit"}),
    "no table": (["drip"], {"faults[0]": "is not a table"}),
    "no fault": ([{}], {"faults[0].fault": "'None' is not a fault"}),
    "unknown fault": ([{"fault": "typo"}], {"faults[0].fault": "'typo' is not a fault: there are delay, drip"}),
    "unknown field": ([{"fault": "drip", "by": 1}], {"faults[0].by": "is unknown: drip has bytes, interval_s"}),
    "missing": ([{"fault": "rst_at"}], {"faults[0].bytes": "is missing"}),
    "text for a number": ([{"fault": "rst_at", "bytes": "4"}], {"faults[0].bytes": "'4' is not a whole number"}),
    "truth for a number": ([{"fault": "rst_at", "bytes": True}], {"faults[0].bytes": "is not a whole number"}),
    "a fraction": ([{"fault": "rst_at", "bytes": 1.5}], {"faults[0].bytes": "is not a whole number"}),
    "not a number": ([{"fault": "delay", "seconds": float("nan")}], {"faults[0].seconds": "is not a number"}),
    "negative": ([{"fault": "rst_at", "bytes": -1}], {"faults[0].bytes": "is not a whole number from 0"}),
    "enormous": ([{"fault": "rst_at", "bytes": 10**400}], {"faults[0].bytes": "is not a whole number"}),
    "probability": ([{**STATUS, "probability": 1.1}], {"faults[0].probability": "is not a number from 0 to 1"}),
    "first none": ([{**STATUS, "first": 0}], {"faults[0].first": "is not a whole number from 1"}),
    "per what": ([{**STATUS, "per": "day"}], {"faults[0].per": "'day' is not one of request, connection"}),
    "two at once": (
        [{**STATUS, "first": 0}, {"fault": "typo"}],
        {"faults[0].first": "is not a whole", "faults[1].fault": "'typo' is not"},
    ),
    "fixed without seconds": ([{"fault": "delay"}], {"faults[0].seconds": "is missing: a fixed delay needs it"}),
    "uniform with seconds": (
        [{"fault": "delay", "distribution": "uniform", "least_s": 1, "most_s": 2, "seconds": 1}],
        {"faults[0].seconds": "is not for a uniform delay"},
    ),
    "uniform, upside down": (
        [{"fault": "delay", "distribution": "uniform", "least_s": 3, "most_s": 2}],
        {"faults[0].least_s": "is greater than most_s"},
    ),
    "lognormal without sigma": (
        [{"fault": "delay", "distribution": "lognormal", "median_s": 1}],
        {"faults[0].sigma": "is missing"},
    ),
    "refuse the first": ([{"fault": "refuse", "first": 1}], {"faults[0].first": "cannot be: refuse closes the port"}),
    "per request, too early": (
        [{"fault": "accept_then_close", "per": "request"}],
        {"faults[0].per": "is injected before there is a request"},
    ),
}


@pytest.mark.parametrize(("plan", "problems"), BAD.values(), ids=BAD)
def test_a_bad_plan_is_refused_with_every_field_that_is_wrong(plan: object, problems: dict[str, str]) -> None:
    """All at once, each with its reason."""
    with pytest.raises(BadPlan) as caught:
        read_plan(plan)
    found = {problem.field: problem.reason for problem in caught.value.problems}
    assert found.keys() == problems.keys()
    for field, reason in problems.items():
        assert reason in found[field]


def test_an_offset_may_be_the_heads_end_and_no_more() -> None:
    """At its end, the whole head comes first."""
    plan = read_plan([{"fault": "rst_at", "bytes": 19}, {"fault": "delay", "bytes": 20, "seconds": 1}])
    assert misplaced(plan[:1], head_bytes=19) == []
    assert [str(each) for each in misplaced(plan, head_bytes=19)] == [
        "faults[1].bytes: 20 is beyond the head, which has 19 bytes"
    ]


def test_faults_of_a_port_need_a_port_of_their_own() -> None:
    """On a port of several hosts, the host is not yet known when the fault has to happen."""
    plan = read_plan([{"fault": name} for name in ("refuse", "accept_then_silent", "accept_then_close", "tls_stall")])
    problems = misplaced(plan, head_bytes=19, shared="the port is shared")
    assert [each.field for each in problems] == ["faults[0].fault", "faults[1].fault", "faults[2].fault"]
