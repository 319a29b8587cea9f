"""`python -m services.client.survey.worker_process`: one of the processes that fetch a long list.

`processes` starts it, and `worker_protocol` says what is written between them.
"""

import os
import time

from services.client.settings import ClientSettings
from services.client.survey.deadlines import NEVER
from services.client.survey.fetch.fetcher import make_fetcher
from services.client.survey.progress import Progress
from services.client.survey.results.stats import Stats
from services.client.survey.results.writer import RecordWriter
from services.client.survey.run import SurveyRun
from services.client.survey.targets import Source
from services.client.survey.tasks import TaskPool
from services.client.survey.transport.epoll import Poller
from services.client.survey.worker_protocol import ERROR, RECORDS, REPORT, Job, Report, frame, numbered_lines, read_job
from services.runtime.cli import INTERRUPTED, main_of
from services.runtime.process import HIGH_WATER, memory_kib
from services.runtime.run import Stop, run

REPORT_EVERY_S = 0.2


class ReportProgress:
    """A progress view for the parent process: a report every `every_s`, and one at the end."""

    def __init__(self, writer: RecordWriter, *, every_s: float) -> None:
        self._writer, self._every_s = writer, every_s
        self._reported_s = 0.0

    def show(self, progress: Progress) -> None:
        """Report the state, if it is time to."""
        now = time.monotonic()
        if progress.ended or now - self._reported_s >= self._every_s:
            self._reported_s = now
            self.report(progress.stats, in_flight=progress.in_flight)

    def report(self, stats: Stats, *, in_flight: int) -> None:
        report = Report(in_flight, memory_kib(figure=HIGH_WATER), stats.dump())
        self._writer.write_block(frame(REPORT, report.encode()))

    def __enter__(self) -> "ReportProgress":
        return self

    def __exit__(self, *_: object) -> None:
        return


async def serve(job: Job, stop: Stop) -> int:
    """Fetch what the parent sends; 130 if a stop came first, of which the parent may know nothing."""
    concurrency = job.options.concurrency
    with Poller() as poller:
        fetcher = make_fetcher(
            job.options, ClientSettings(topology=job.topology), poller=poller, concurrency=concurrency
        )
        source = Source(numbered_lines(0, "the parent process"))
        writer = RecordWriter(1, "the parent process", to_file=False, wrap=lambda data: frame(RECORDS, data))
        source.input.begin()

        def send_error(line: str) -> None:
            """Leave the line to the parent, which knows what else is on the terminal."""
            writer.write_block(frame(ERROR, line.encode("utf-8", "backslashreplace")))

        pool = TaskPool(
            source, writer, fetcher=fetcher, options=job.options, concurrency=concurrency, say_error=send_error
        )
        # Where the parent shows no progress, it needs the counts at the end alone.
        progress = ReportProgress(writer, every_s=NEVER if job.options.quiet else REPORT_EVERY_S)
        progress.report(pool.stats, in_flight=0)  # the first one says that this process has all that it needs
        await SurveyRun(source, writer, pool).run(stop, progress)
    return INTERRUPTED if stop.event.is_set() else 0


def program() -> int:
    """Read the job, and do it; nothing is done if the parent has ended before it wrote one."""
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows is for the source
        byte = os.read(0, 1)
        if not byte:
            return INTERRUPTED
        line += byte
    job = read_job(bytes(line))
    return run(lambda stop: serve(job, stop), loop=job.loop, announce=False)


if __name__ == "__main__":
    # All is written by now. To take the interpreter apart would cost a seventh of the processor time of its start.
    os._exit(main_of(program, name="client"))
