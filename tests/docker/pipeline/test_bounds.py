"""The queue's bound, a broker that is absent or goes for good, jobs that no worker can do, and more workers."""

import pytest

from tests.docker.pipeline.own_lab import FaultLab

JOBS = 10_000
POISON = 7  # the id at which the doubles do harm

pytestmark = pytest.mark.timeout(240)


def test_the_broker_never_holds_more_than_the_queue_may(lab: FaultLab) -> None:
    """Also while no worker takes any; and the producer's wait is in the ledger."""
    run = lab.run(JOBS, "bound", "--queue-size", "50")
    lab.observe("most bound")
    run.until(JOBS // 4)
    with lab.paused(*lab.of("worker")):
        while lab.held("bound").jobs < 50:
            pass  # the test has a deadline
    run.until(JOBS // 2)
    seen = lab.observe("most bound")
    ledger = run.check(JOBS)
    assert seen["most"] == 50
    assert seen["looks"] > 10
    assert 0 < ledger["wait_s"] <= ledger["took_s"]


def test_more_workers_join_a_run_that_goes_on(lab: FaultLab) -> None:
    """`docker compose up -d --scale worker=4`, and nothing else."""
    run = lab.run(JOBS, "more")
    run.until(JOBS // 4)
    with lab.paused(lab.one("client")):  # until they are there: a quick machine would be done
        lab.scale(4)
        while len(lab.connections()) < 5:
            pass  # the test has a deadline
    assert len(run.check(JOBS)["workers"]) == 4


def test_a_broker_that_goes_for_good_ends_the_run(lab: FaultLab) -> None:
    """A bounded wait, one line, exit code 1; then it is there again, and the run goes on."""
    run = lab.run(JOBS, "gone", BROKER_GONE_S=2)
    run.until(JOBS // 4)
    lab.docker("kill", lab.one("broker").id)  # the engine does not start it again then
    assert run.end() == 1
    assert run.said().count("the broker at nats://broker:4222 went away, and was not back within 2 s") == 1
    assert "Traceback" not in run.said()
    absent = lab.run(3, "absent")
    assert absent.end() == 4
    assert absent.said().count("no broker answers at nats://broker:4222") == 1
    assert "Traceback" not in absent.said()
    lab.compose("start", "broker")
    lab.run(JOBS, "gone").check(JOBS)


@pytest.mark.parametrize(
    ("double", "reason", "jobs"),
    [
        ("raises", "ValueError: the test's poison", JOBS),
        ("ends", "each worker that worked at it ended without a result", 1000),
    ],
)
def test_a_job_that_no_worker_can_do_is_dead_lettered(lab: FaultLab, double: str, reason: str, jobs: int) -> None:
    """With its reason, under its id, and exit code 1; the rest completes."""
    lab.compose("stop", "--timeout", "1", "worker")
    lab.compose("up", "--detach", "--no-build", "--no-deps", double)
    run = lab.run(jobs, f"poison-{double}", BROKER_ACK_WAIT_S=1)
    code = run.end()
    lab.compose("stop", "--timeout", "1", double)
    ledger = run.ledger
    assert code == 1, run.said()
    assert f"pipeline: {POISON} was given up: {reason}" in run.said()
    assert (ledger["lost"], ledger["unexpected"], ledger["dead_lettered"]) == (0, 0, 1)
    assert sorted({*range(1, jobs + 1)} - run.written.keys()) == [POISON]
    assert set(run.written.values()) == {1}
    assert ledger["redelivered"] >= 4
