"""From the findings of a run to its verdict."""

import math
from collections.abc import Callable

import pytest

from lab.bench.chaos import judge
from lab.bench.chaos.engine import Moment
from lab.bench.chaos.found import BACK_WITHIN_S, Answer, Attacks, Found, Recovery, Sums
from lab.bench.harness.figures import Promise, Result

BEGAN_S = 1_000.0


def good() -> Found:
    """Return the findings of a good run: sohu was killed, and came back after two seconds."""
    found = Found(["hello", "sohu"], seconds=60.0, settled_s=1.5)
    found.attack("tls_trickle").times = 1
    found.answers = [Answer(BEGAN_S + at, BEGAN_S + at + 0.01, "sohu", "http, new") for at in range(60)]
    found.answers[20] = Answer(BEGAN_S + 20, BEGAN_S + 20.1, "sohu", "http, new", "refused")
    window = found.window("sohu", "kill -9", begin_s=BEGAN_S + 19.9)
    window.end_s = BEGAN_S + 21.9
    found.recoveries = [Recovery("sohu", "kill -9", BEGAN_S + 19.9, BEGAN_S + 21.9, by_itself=True)]
    found.sums = {"sohu": Sums(60, 50, 10, 60)}
    found.log = {"hello": [], "sohu": []}
    return found


def broken(found: Found) -> list[str]:
    """Return the promises that were broken."""
    return [promise.text for promise in judge.judge(found)[0] if not promise.kept]


def test_a_run_that_found_nothing_keeps_every_promise() -> None:
    """An error of a service that was killed just before is excused, and shown."""
    promises, tables = judge.judge(good())
    assert [promise.text for promise in promises if not promise.kept] == []
    assert Result("chaos", (), promises=promises).kept
    client = next(table for table in tables if "healthy client" in table.title)
    assert client.rows[-1] == ("all", 57, *client.rows[0][2:5], "-", 3, "1 x refused")
    ends = next(table for table in tables if "is killed" in table.title)
    assert ends.rows[0][:3] == ("sohu: kill -9", 1, 1)
    assert ends.rows[0][-1] == "1 x refused"
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (lambda found: found.deaths.append(Moment(BEGAN_S, "hello", "die", 1)), "no service ends by itself"),
        (lambda found: found.out_of_memory.append(Moment(BEGAN_S, "sohu", "oom")), "nothing is killed for its memory"),
        (
            lambda found: found.recoveries.append(Recovery("hello", "kill -9", BEGAN_S, None, by_itself=False)),
            "what is killed is healthy again by itself in 30 s",
        ),
        (
            lambda found: found.recoveries.append(Recovery("hello", "kill -9", BEGAN_S, BEGAN_S + 2, by_itself=False)),
            "what is killed is healthy again by itself in 30 s",
        ),
        (
            lambda found: found.recoveries.append(
                Recovery("hello", "kill -9", BEGAN_S, BEGAN_S + BACK_WITHIN_S + 1, by_itself=True)
            ),
            "what is killed is healthy again by itself in 30 s",
        ),
        (
            lambda found: found.answers.append(Answer(BEGAN_S + 40, BEGAN_S + 40.1, "sohu", "http, new", "reset")),
            "a healthy client sees no error of a service that runs",
        ),
        (
            lambda found: found.answers.append(Answer(BEGAN_S + 20, BEGAN_S + 20.1, "hello", "http, new", "reset")),
            "a healthy client sees no error of a service that runs",
        ),
        (lambda found: found.sums.update(sohu=Sums(60, 50, 10, 59)), "journal sums are exact"),
        (lambda found: found.sums.update(sohu=None), "journal sums are exact"),
        (lambda found: found.sums.clear(), "journal sums are exact"),
        (
            lambda found: found.attacks.update(
                faults=Attacks(times=1, failures=[("torn", "sohu: 501 with Retry-After 2")])
            ),
            "no plan is torn, and each is in force when it is answered",
        ),
        (
            lambda found: found.attacks.update(
                survey_killed=Attacks(times=1, failures=[("survey", "sohu: 1 more than one")])
            ),
            "a survey that is killed and resumed has one record a target",
        ),
        (
            lambda found: found.attacks.update(
                survey_paused=Attacks(times=1, failures=[("rate", "863 in one second")])
            ),
            "a survey that is paused makes up for one second at most",
        ),
        (
            lambda found: found.attacks.update(verify=Attacks(times=1, failures=[("verify", "no answer in 30 s")])),
            "the journal adds up under load, and is verified in time",
        ),
        (
            lambda found: found.log["sohu"].append("Traceback (most recent call last):"),
            "the logs hold no error that is not documented",
        ),
        (lambda found: found.not_healthy.append("hello"), "the lab ends healthy, in 60 s"),
        (lambda found: found.attacks.update(noise=Attacks(times=2, not_run=1)), "every attack ran to its end"),
        (lambda found: found.attacks.clear(), "every attack ran to its end"),
    ],
)
def test_each_fault_breaks_its_own_promise_and_no_other(spoil: Callable[[Found], object], promise: str) -> None:
    """The line with NOT names it."""
    found = good()
    spoil(found)
    assert broken(found) == [promise]


def test_a_lab_that_was_not_waited_for_is_not_healthy() -> None:
    """As where a second ^C cut it short."""
    found = good()
    found.settled_s = None
    assert broken(found) == ["the lab ends healthy, in 60 s"]


def test_a_client_without_answers_proves_no_promise() -> None:
    """Neither that there was no error nor that it was quick."""
    found = good()
    found.answers.clear()
    assert len(broken(found)) == 2


def test_a_slow_client_misses_a_goal_and_breaks_no_promise() -> None:
    """Another load makes a machine slow; the exit code does not depend on it."""
    found = good()
    found.answers += [Answer(BEGAN_S + at, BEGAN_S + at + 0.6, "hello", "http, new") for at in range(10)]
    promises, _ = judge.judge(found)
    assert [promise.is_goal for promise in promises if not promise.kept] == [True]
    assert Result("chaos", (), promises=promises).kept


def test_an_answer_is_excused_that_was_asked_for_before_the_end_or_ended_after_it() -> None:
    """A request that was on its way when its service was killed cannot be answered."""
    found = Found(["sohu"])
    window = found.window("sohu", "kill -9", begin_s=100.0)
    assert math.isinf(window.end_s)
    window.end_s = 110.0
    found.answers = [
        Answer(began_s, ended_s, "sohu", "http, new", "reset")
        for began_s, ended_s in [(98.0, 99.0), (95.0, 101.0), (105.0, 106.0), (109.0, 120.0), (111.0, 112.0)]
    ]
    seen = found.seen()
    assert [answer.began_s for answer in seen.outside] == [98.0, 111.0]


@pytest.mark.parametrize(("part", "value"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_a_percentile_is_a_value_that_was_measured(part: float, value: float) -> None:
    """The nearest rank: no value is made up between two."""
    assert judge.percentile([float(each) for each in range(100, 0, -1)], part) == value


def test_a_result_with_a_broken_promise_is_not_kept() -> None:
    """The exit code depends on it."""
    assert not Result("chaos", (), promises=(Promise("a", True, ""), Promise("b", False, ""))).kept


def test_what_a_log_should_not_hold_is_shown_once_a_kind() -> None:
    """The same error with other numbers, addresses or bytes is not another kind."""
    found = good()
    found.log["sohu"] = [
        f"2026-11-26T01:10:4{each}Z ERROR peer 10.0.0.{each}\nTraceback (most recent):\nOSError: [Errno {each}] no"
        for each in range(5)
    ]
    found.log["hello"] = ["Exception ignored in: b'\\xc3'\nUnicodeDecodeError: 0xc3"]
    lines = judge.evidence(found)
    assert [line for line in lines if not line.startswith("  ")] == ["in the log of hello:", "in the log of sohu:"]
    assert "  OSError: [Errno 0] no" in lines
    text = next(promise.found for promise in judge.judge(found)[0] if "logs" in promise.text)
    assert text.startswith("5 x sohu: ERROR peer ")
