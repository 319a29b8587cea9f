"""What is broken in the middle of a run in containers: in each case nothing is lost, and each id has one result.

A fault comes when so many results are there, or when the broker's monitoring says so; nothing here waits for a time.
"""

from contextlib import ExitStack

import pytest

from tests.docker.lifecycle.test_restart import kill
from tests.docker.pipeline.own_lab import FaultLab

JOBS = 10_000
QUARTERS = [JOBS // 4, JOBS // 2, 3 * JOBS // 4]

pytestmark = pytest.mark.timeout(120)


def test_workers_are_killed_that_hold_work(lab: FaultLab) -> None:
    """All of them, with jobs in hand, and one later: what they held comes again, and is counted."""
    run = lab.run(JOBS, "killed-worker")
    run.until(QUARTERS[0])
    with lab.paused(*lab.of("worker")) as workers:
        assert lab.held("killed-worker").in_hand > 0
        for each in workers:
            kill(each)
    run.until(QUARTERS[1])
    kill(lab.one("worker"))
    ledger = run.check(JOBS)
    assert ledger["redelivered"] > 0


def test_the_broker_is_killed_and_starts_again(lab: FaultLab) -> None:
    """Three times: what it has acknowledged is there, and what it has not is sent again."""
    before = lab.one("broker")
    run = lab.run(JOBS, "killed-broker")
    for quarter in QUARTERS:
        run.until(quarter)
        kill(lab.one("broker"))
    run.check(JOBS)
    assert lab.one("broker").restarts == before.restarts + 3


def test_the_producer_is_killed_and_its_run_goes_on(lab: FaultLab) -> None:
    """Twice: results that are there are not made again, and the last producer writes all of them."""
    for quarter in QUARTERS[:2]:
        killed = lab.run(JOBS, "killed-producer")
        killed.until(quarter)
        kill(lab.one("client"))
        assert killed.end() == 137
        assert not killed.ledger
    lab.run(JOBS, "killed-producer").check(JOBS)


def test_a_worker_is_paused_past_ack_wait(lab: FaultLab) -> None:
    """Its jobs are delivered again meanwhile; when it goes on, it harms nothing. The producer stands still as long."""
    run = lab.run(JOBS, "paused", BROKER_ACK_WAIT_S=1)
    run.until(QUARTERS[0])
    with lab.paused(lab.of("worker")[0]), lab.paused(lab.one("client")):
        lab.await_redelivery("paused")
    ledger = run.check(JOBS)
    assert ledger["redelivered"] > 0
    assert len(ledger["workers"]) == 2


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
def test_the_network_is_cut_between_a_worker_and_the_broker(lab: FaultLab, long: bool) -> None:
    """Its jobs come to the other one. After a short cut its connection goes on; after a long one it makes another."""
    name = f"cut-{long}".lower()
    run = lab.run(JOBS, name)
    run.until(QUARTERS[0])
    worker = lab.of("worker")[0]
    before = lab.connections_of(worker)
    with ExitStack() as standing_still:
        with lab.cut_off(worker):
            standing_still.enter_context(lab.paused(lab.one("client")))
            lab.await_redelivery(name)
            while long and lab.has_socket(worker):
                pass  # the test has a deadline
        while long and not lab.connections_of(worker) - before:
            pass  # the test has a deadline
    ledger = run.check(JOBS)
    assert ledger["redelivered"] > 0
    assert len(ledger["workers"]) == 2


def test_the_disk_of_the_broker_is_full(lab: FaultLab) -> None:
    """Its program stores nothing from then on until it is started again: one line, and a run that waits goes on."""
    run = lab.run(JOBS, "full")
    run.until(QUARTERS[0])
    assert lab.observe("fill") > 0
    with lab.emptied_at_end():
        run.until_said("the broker has no room (it does not answer): what it cannot store is sent again until it can")
        assert lab.observe("get /healthz") is None  # it answers, and not 200
    lab.restart_broker()
    run.check(JOBS)


def test_the_disk_of_the_broker_stays_full(lab: FaultLab) -> None:
    """A run of whose results none can be stored ends after a bounded wait, and goes on when there is room."""
    before = [each.restarts for each in lab.of("worker")]
    run = lab.run(JOBS, "stays-full", BROKER_GONE_S=3)
    run.until(QUARTERS[0])
    assert lab.observe("fill") > 0
    with lab.emptied_at_end():
        assert run.end() == 1
        begun = lab.run(3, "begun-when-full", BROKER_GONE_S=3)
        assert begun.end() == 1
    assert "the broker has stored nothing for 3 s (it does not answer): make room there" in run.said()
    assert "client: the broker " in begun.said()
    assert "Traceback" not in run.said() + begun.said()
    assert [each.restarts for each in lab.of("worker")] == before
    lab.restart_broker()
    lab.run(JOBS, "stays-full").check(JOBS)
