"""What is broken in the middle of a run in containers: in each case nothing is lost, and each id has one result.

A fault comes when so many results are there, or when the broker's monitoring says so; nothing here waits for a time.
"""

import pytest

from tests.docker.pipeline.own_lab import FaultLab
from tests.docker.test_restart import kill

JOBS = 10_000
QUARTERS = [JOBS // 4, JOBS // 2, 3 * JOBS // 4]

pytestmark = pytest.mark.timeout(240)


def test_a_worker_is_killed_that_holds_work(lab: FaultLab) -> None:
    """Three times: what it held comes to another one, or to itself when it runs again, and is counted."""
    run = lab.run(JOBS, "killed-worker")
    for quarter in QUARTERS:
        run.until(quarter)
        victims = lab.of("worker")
        for each in victims:
            lab.docker("pause", each.id)
        held = lab.observe("held killed-worker")
        kill(victims[0])
        for each in victims:
            lab.docker("unpause", each.id)
        lab.await_again(victims[0])
    ledger = run.check(JOBS)
    assert held["num_ack_pending"] > 0
    assert ledger["redelivered"] > 0


def test_the_broker_is_killed_and_starts_again(lab: FaultLab) -> None:
    """Three times: what it has acknowledged is there, and what it has not is sent again."""
    run = lab.run(JOBS, "killed-broker")
    for quarter in QUARTERS:
        run.until(quarter)
        (broker,) = lab.of("broker")
        kill(broker)
        lab.await_again(broker)
    run.check(JOBS)


def test_the_producer_is_killed_and_its_run_goes_on(lab: FaultLab) -> None:
    """Twice: results that are there are not made again, and the last producer writes all of them."""
    for quarter in QUARTERS[:2]:
        killed = lab.run(JOBS, "killed-producer")
        killed.until(quarter)
        kill(lab.client())
        assert killed.end() == 137
        assert not killed.ledger
    lab.run(JOBS, "killed-producer").check(JOBS)


def test_a_worker_is_paused_past_ack_wait(lab: FaultLab) -> None:
    """Its jobs are delivered again meanwhile; when it goes on, it harms nothing."""
    run = lab.run(JOBS, "paused", BROKER_ACK_WAIT_S=1)
    run.until(QUARTERS[0])
    with lab.paused(lab.of("worker")[0]):
        while not lab.observe("held paused")["num_redelivered"]:
            pass  # the test has a deadline
    assert run.check(JOBS)["redelivered"] > 0


def test_the_network_is_cut_between_a_worker_and_the_broker(lab: FaultLab) -> None:
    """Its jobs come to the other one; when it has its network again, it works on."""
    run = lab.run(JOBS, "cut")
    run.until(QUARTERS[0])
    worker = lab.of("worker")[0]
    with lab.cut_off(worker):
        run.until(QUARTERS[1])
    ledger = run.check(JOBS)
    assert len(ledger["workers"]) == 2
