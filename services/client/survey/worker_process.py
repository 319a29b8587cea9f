"""`python -m services.client.survey.worker_process`: one of the processes that fetch a long list.

`processes` starts it.
"""

import asyncio
import json
import os
import sys
import time

from services.client.settings import ClientSettings
from services.client.survey.options import Options
from services.client.survey.prepare import make_fetcher, workers_for
from services.client.survey.progress import NoProgress
from services.client.survey.results.writer import ERROR, TALLY, RecordWriter
from services.client.survey.survey import TaskPool
from services.client.survey.targets import DealtSource
from services.client.survey.transport.epoll import Poller
from services.client.topology import Topology
from services.runtime.cli import INTERRUPTED, main_of
from services.runtime.run import Stop, run

TELL_EVERY_S = 0.2


class WorkerRun(TaskPool):
    """A survey that gives its records to a team, and tells it what they come to."""

    _told_s = 0.0

    async def fetch_all(self, group: asyncio.TaskGroup) -> None:
        """Fetch everything, and tell what it came to."""
        await super().fetch_all(group)
        self.tell()

    def tick(self) -> None:
        """Tell, now and then."""
        super().tick()
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            self.tell()

    def tell(self) -> None:
        """Tell the team what has been done so far."""
        self._output.tell(TALLY, b"%d %d " % (self.in_flight, self.peak_kib()) + self.tally.dump())

    def _say(self, line: str) -> None:
        """Leave it to the team, which knows what else is on the terminal."""
        self._output.tell(ERROR, line.encode("utf-8", "backslashreplace"))


async def serve(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Fetch what is dealt, until there is no more; 130 if a stop came first, which the team may know nothing of."""
    with Poller() as poller:
        fetcher = make_fetcher(options, settings, poller, options.concurrency)
        source, output = DealtSource(0, "the team"), RecordWriter(1, "the team", to_file=False, framed=True)
        source.begin()
        member = WorkerRun(source, output, fetcher, options, workers=workers_for(options, options.concurrency))
        member.tell()  # that it has all it needs
        await member.run(stop, NoProgress())
    return INTERRUPTED if stop.event.is_set() else 0


def program() -> int:
    """Read what is asked for, and do it; nothing is, if the team has ended before it asked."""
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows is for the source
        byte = os.read(0, 1)
        if not byte:
            return INTERRUPTED
        line += byte
    asked = json.loads(line)
    routes = {(host, port): (ip, at) for host, port, ip, at in asked["routes"]}
    settings = ClientSettings(topology=Topology(routes, closed=asked["closed"]))
    return run(lambda stop: serve(Options(**asked["options"]), settings, stop), loop=asked["loop"], announce=False)


if __name__ == "__main__":
    sys.exit(main_of(program, name="client"))
