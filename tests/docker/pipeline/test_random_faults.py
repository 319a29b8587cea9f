"""Twenty faults drawn by a seed, in the middle of one run in containers. The seed is printed."""

import os
import random
import subprocess
from contextlib import ExitStack, suppress

import pytest

from tests.docker.pipeline.own_lab import FaultLab
from tests.docker.pipeline.runs import ClientRun
from tests.docker.test_restart import NotRunning, kill

JOBS = 20_000
FAULTS = 20
RUN = "random"
ENDED = suppress(subprocess.CalledProcessError, NotRunning)  # an earlier fault has just ended that container

SEED = "RANDOM_FAULTS_SEED"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        SEED not in os.environ, reason=f"takes minutes: {SEED}=7 runs it, {SEED}= with a seed by chance"
    ),
]


class Faults:
    """What can be broken. What lasts, as a pause, ends with the next fault of its kind, or with the last fault."""

    def __init__(self, lab: FaultLab, chosen: random.Random) -> None:
        self._lab, self._chosen = lab, chosen
        self._pause, self._cut = ExitStack(), ExitStack()
        self.run = self._produce()

    def _produce(self) -> ClientRun:
        return self._lab.run(JOBS, RUN, BROKER_ACK_WAIT_S=1)

    def kill_a_worker(self) -> None:
        with ENDED:
            kill(self._chosen.choice(self._lab.of("worker")))

    def kill_the_broker(self) -> None:
        with ENDED:
            kill(self._lab.one("broker"))

    def kill_the_producer(self) -> None:
        kill(self._lab.one("client"))
        assert self.run.end() == 137, self.run.said()
        self.run = self._produce()

    def pause_a_worker(self) -> None:
        """The one that was paused before goes on."""
        self._pause.close()
        with ENDED:
            self._pause.enter_context(self._lab.paused(self._chosen.choice(self._lab.of("worker"))))

    def cut_the_network(self) -> None:
        """The one that was cut off before has its network again."""
        self._cut.close()
        with ENDED:
            self._cut.enter_context(self._lab.cut_off(self._chosen.choice(self._lab.of("worker"))))

    def cut_the_producer(self) -> None:
        with ENDED, self._lab.cut_off(self._lab.one("client")):
            pass

    def mend(self) -> None:
        """End what lasts."""
        self._pause.close()
        self._cut.close()


def test_twenty_faults(lab: FaultLab) -> None:
    """Each comes when so many more results are written. RANDOM_FAULTS_SEED repeats what was printed."""
    seed = os.environ[SEED] or str(random.SystemRandom().randrange(10**6))
    print(SEED, "=", seed)
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
    try:
        for step in range(1, FAULTS + 1):
            faults.run.until(step * JOBS // (FAULTS + 1))
            fault = chosen.choice(kinds)
            print(step, fault.__name__)
            fault()
    finally:
        faults.mend()
    faults.run.check(JOBS)
