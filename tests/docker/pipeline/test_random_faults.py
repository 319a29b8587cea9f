"""Twenty faults drawn by a seed, in the middle of one run in containers. The seed is printed.

The items are lines of stdin, and the test hands them over as results come: so the run cannot be over before the last
fault. Each is no target, so its result needs no network, and can be told from that of any other work.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from subprocess import CalledProcessError

import pytest

from lab.compose.containers import Container
from tests.docker.lifecycle.test_restart import NotRunning, kill
from tests.docker.pipeline.own_lab import FaultLab
from tests.docker.pipeline.runs import ClientRun

JOBS = 20_000
FAULTS = 20
STEP = JOBS // (FAULTS + 1)
AHEAD = 2  # steps of items that are handed over before a fault: there is work in progress when it comes
RUN = "random"
NO_TARGET, ITS_REPLY = "-\n", "usage"
ALL_FAILED = 4
SEED = "RANDOM_FAULTS_SEED"

pytestmark = pytest.mark.timeout(240)


class Faults:
    """What can be broken. What lasts, as a pause, ends with the next fault of its kind, or with the last fault."""

    def __init__(self, lab: FaultLab, chosen: random.Random) -> None:
        self._lab, self._chosen = lab, chosen
        self._pause, self._cut = ExitStack(), ExitStack()
        self._handed_over = 0
        self.run = self._produce()

    def hand_over(self, count: int) -> None:
        """Have handed over so many items in all; what the producer does not read waits in its pipe."""
        self.run.feed(NO_TARGET * (count - self._handed_over))
        self._handed_over = count

    def await_results(self, count: int) -> None:
        """Return when the broker has so many results; the test has a deadline."""
        while self._lab.results(RUN) < count:
            assert self.run.process.poll() is None, self.run.said()

    def _produce(self) -> ClientRun:
        return self._lab.run_targets(RUN, BROKER_ACK_WAIT_S=1)

    def _worker(self, fault: Callable[[Container], object]) -> None:
        """Do it to a worker. One that an earlier fault has just ended can have no fault; then it is another's turn."""
        while True:
            running = self._lab.of("worker")
            try:
                if running:
                    fault(self._chosen.choice(running))
                    return
            except (CalledProcessError, NotRunning):
                continue  # the test has a deadline

    def kill_a_worker(self) -> None:
        self._worker(kill)

    def kill_the_broker(self) -> None:
        before = self._lab.one("broker").restarts
        kill(self._lab.one("broker"))
        while self._lab.one("broker").restarts == before:
            pass  # the test has a deadline

    def kill_the_producer(self) -> None:
        """Another one goes on with its run, and has the same input from its beginning."""
        kill(self._lab.one("client"))
        assert self.run.end() == 137, self.run.said()
        self.run, again = self._produce(), self._handed_over
        self._handed_over = 0
        self.hand_over(again)

    def pause_a_worker(self) -> None:
        """The one that was paused before goes on."""
        self._pause.close()
        self._worker(lambda each: self._pause.enter_context(self._lab.paused(each)))

    def cut_the_network(self) -> None:
        """The one that was cut off before has its network again."""
        self._cut.close()
        self._worker(lambda each: self._cut.enter_context(self._lab.cut_off(each)))

    def cut_the_producer(self) -> None:
        with self._lab.cut_off(self._lab.one("client")):
            pass

    def mend(self) -> None:
        """End what lasts."""
        self._pause.close()
        self._cut.close()

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Have what lasts ended at the end, whatever comes between."""
        try:
            yield
        finally:
            self.mend()


def test_twenty_faults(lab: FaultLab) -> None:
    """Each comes when so many more results are recorded. RANDOM_FAULTS_SEED repeats what was printed."""
    seed = os.environ.get(SEED) or str(random.SystemRandom().randrange(10**6))
    print(f"{SEED}={seed}")
    chosen = random.Random(seed)
    lab.scale(4)
    faults = Faults(lab, chosen)
    kinds = [
        faults.kill_a_worker,
        faults.kill_the_broker,
        faults.kill_the_producer,
        faults.pause_a_worker,
        faults.cut_the_network,
        faults.cut_the_producer,
    ]
    with faults.lasting():
        for step in range(1, FAULTS + 1):
            faults.hand_over(min(JOBS, (step + AHEAD) * STEP))
            faults.await_results(step * STEP)
            fault = chosen.choice(kinds)
            print(step, fault.__name__)
            fault()
    faults.hand_over(JOBS)
    faults.run.feed_no_more()
    ledger = faults.run.check(JOBS, code=ALL_FAILED, reply=ITS_REPLY)
    assert ledger["failed"] == JOBS
