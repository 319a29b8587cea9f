"""The pool of a long list: worker processes, each with a pool of tasks. This process sends targets and takes records.

    source -> ProcessPool -> WorkerProcess -> ProcessPool -> writer

Python runs on one core at a time, and a survey is more work for the processor than for the network. A worker is
`python -m services.client.survey.worker_process`, and `worker_protocol` says what is written to and by it. A worker
whose input ends, ends.
"""

import asyncio
import contextlib
import os
import socket
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, replace

from services.client.survey.deadlines import DeadlineSweeper, SurveyStopped
from services.client.survey.options import Options
from services.client.survey.results.formats import format_of
from services.client.survey.results.record import Record
from services.client.survey.results.stats import Stats
from services.client.survey.results.writer import RecordWriter
from services.client.survey.targets import Source, Target
from services.client.survey.worker_protocol import ERROR, HEADER, RECORDS, Job, Report, numbered_line, read_report
from services.client.topology import Topology
from services.client.url.url import not_one
from services.runtime.errors import NoThread, ProgramError
from services.runtime.process import HIGH_WATER, memory_kib, module_command, module_environment
from services.runtime.run import running_loop_name
from services.runtime.tasks import start_daemon_thread
from services.runtime.terminal import printable, say

BATCH = 64
UNREAD_BYTES = 4 * 1024  # of targets that were sent to a worker
START_S = 60.0
LAST_LINE_BYTES = 4 * 1024
LAST_WRITE_S = 1.0  # beyond the grace, for a worker to write its last records


class WorkerLost(ProgramError):
    """A process of the survey ended before its work did; what it had is not recorded, and can be resumed."""

    exit_code = 3

    def __init__(self, code: int, reason: str) -> None:
        shown = f" ({reason})" if reason else ""
        super().__init__(f"a process of the survey ended with {code}{shown}: --resume goes on where it stopped")
        self.code, self.reason = code, reason


class NoWorkerProcess(ProgramError):
    """This machine does not let the survey have another process."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot start a process of the survey ({reason}): ask for fewer with --processes")
        self.reason = reason


@dataclass(slots=True)
class WorkerProcess:
    """A process, our end of its standard input, its job, the last line of its stderr, and its last report."""

    process: Process
    stdin: socket.socket
    job: Job
    last_line: "asyncio.Task[str]"
    report: Report | None = None

    async def frame(self) -> tuple[bytes, bytes]:
        """Return the kind and the data of the next frame. Raises asyncio.IncompleteReadError at the end."""
        assert self.process.stdout  # noqa: S101 - for mypy
        kind, size = HEADER.unpack(await self.process.stdout.readexactly(HEADER.size))
        return kind, await self.process.stdout.readexactly(size)

    async def send(self, data: bytes) -> None:
        """Write to the process's standard input. Raises ConnectionError if it has ended."""
        await asyncio.get_running_loop().sock_sendall(self.stdin, data)

    def terminate(self) -> None:
        """Ask the process to end: softly the first time, at once the second, as with ^C."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        """End the process."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


async def start_worker(job: Job, group: asyncio.TaskGroup) -> WorkerProcess:
    """Start a worker process. Raises OSError, NoThread, RuntimeError or MemoryError where the machine refuses."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    with theirs:
        # Before Python 3.12, asyncio needs a thread for each process, and leaves tracebacks where it gets none.
        start_daemon_thread(int, name="probe")
        process = await asyncio.create_subprocess_exec(
            *module_command("services.client.survey.worker_process"),
            env=os.environ | module_environment(),
            stdin=theirs.fileno(),
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # a ^C is for the parent
        )
    return WorkerProcess(process, ours, job, group.create_task(last_line(process)))


class ProcessPool:
    """Worker processes, which share the fetches and the rate."""

    def __init__(
        self,
        source: Source,
        writer: RecordWriter,
        *,
        options: Options,
        topology: Topology,
        concurrency: int,
        processes: int,
    ) -> None:
        self.stats = Stats()
        self.in_flight = 0
        self._source, self._writer = source, writer
        self._options, self._topology, self._form = options, topology, format_of(options)
        self._concurrency, self._count = concurrency, min(processes, concurrency)
        self.processes = 1 + self._count
        self._workers: list[WorkerProcess] = []
        self._own = Stats()  # of what is no target, and was sent to no worker
        self._has_news = False  # since the last update
        self._is_stopped = False

    @property
    def unfinished(self) -> int:
        """How many targets were sent and have no record, as far as is known: workers report now and then."""
        return min(self._source.taken - self.stats.done, self._concurrency)

    async def fetch_all(self, group: asyncio.TaskGroup, sweeper: DeadlineSweeper) -> None:
        """Fetch every target that the source gives. Raises NoWorkerProcess before the first, WorkerLost after."""
        try:
            await self._start(group)
            tasks = [group.create_task(self._send_targets(worker, sweeper)) for worker in self._workers]
            tasks += [group.create_task(self._take_frames(worker, sweeper)) for worker in self._workers]
            if tasks:
                await asyncio.wait(tasks)
        finally:
            self._kill()
            for worker in self._workers:
                await worker.process.wait()
        self.update()

    def update(self) -> None:
        """Add up what the workers have reported, if that is more than the last time: they report now and then."""
        if not self._has_news:
            return
        self._has_news = False
        self.stats = Stats()
        self.stats.load(self._own.dump())
        reports = self._reports()
        for report in reports:
            self.stats.load(report.stats)
        self.in_flight = sum(report.in_flight for report in reports)

    def stop_after(self, seconds: float) -> float:
        """Let the workers end what is in flight; return the seconds after which no wait is left."""
        for worker in self._workers:
            worker.terminate()
        self._is_stopped = True
        asyncio.get_running_loop().call_later(seconds + LAST_WRITE_S, self._kill)
        return seconds + LAST_WRITE_S

    def peak_kib(self) -> int:
        """Return the most that each process has held, added up; 0 where the kernel does not say."""
        return memory_kib(figure=HIGH_WATER) + sum(report.peak_kib for report in self._reports())

    def _reports(self) -> list[Report]:
        return [worker.report for worker in self._workers if worker.report]

    def _kill(self) -> None:
        for worker in self._workers:
            worker.kill()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        """Start every worker, and wait until each has all it needs: until then, no target is sent.

        Raises NoWorkerProcess.
        """
        try:
            for number in range(self._count):
                if not self._is_stopped:
                    self._workers.append(await start_worker(self._job(number), group))
            async with asyncio.timeout(START_S):
                await asyncio.gather(*map(self._begin, self._workers))
        except TimeoutError as error:
            raise NoWorkerProcess(f"it was not ready within {START_S:g} s") from error
        except OSError as error:
            raise NoWorkerProcess(reason_of(error)) from error
        except (NoThread, RuntimeError, MemoryError) as error:
            raise NoWorkerProcess("no more threads or memory (ulimit -u, ulimit -v)") from error

    def _job(self, number: int) -> Job:
        """Return the job of a worker, with its share of the fetches and of the rate."""
        share = self._concurrency // self._count + (number < self._concurrency % self._count)
        options = replace(self._options, concurrency=share, rate=self._options.rate / self._count)
        return Job(options, self._topology, running_loop_name())

    async def _begin(self, worker: WorkerProcess) -> None:
        """Send a worker its job, and wait for its first report. Raises NoWorkerProcess."""
        try:
            await worker.send(worker.job.encode())
            _, data = await worker.frame()
            worker.report = read_report(data)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if not self._is_stopped:
                code = await worker.process.wait()
                raise NoWorkerProcess(await worker.last_line or f"it ended with {code}") from error

    async def _send_targets(self, worker: WorkerProcess, sweeper: DeadlineSweeper) -> None:
        """Send a worker targets, as fast as it takes them; if it has ended, `_take_frames` raises."""
        deadline, most = sweeper.deadline(), min(BATCH, worker.job.options.concurrency)
        with worker.stdin, contextlib.suppress(SurveyStopped, ConnectionError):
            while target := await self._source.next(deadline):
                batch = [target]
                while len(batch) < most and (more := self._source.pop()):
                    batch.append(more)
                await worker.send(b"".join(map(self._line, batch)))
                await asyncio.sleep(0)  # the other workers take their targets

    def _line(self, target: Target) -> bytes:
        """Return a target as a worker takes it; what is no target is recorded here."""
        if target.problem is None and "\n" not in target.text:
            return numbered_line(target)
        error = not_one(target.text, target.problem or "a line end in it")
        record = Record(target.line, target.text, running_loop_name(), error=error.kind, detail=error.detail)
        self._own.add(record)
        self._has_news = True
        self._writer.write(self._form.ended(record))
        if line := self._form.error_line(record):
            say(line)
        return b""

    async def _take_frames(self, worker: WorkerProcess, sweeper: DeadlineSweeper) -> None:
        """Take what a worker writes, until it ends. Raises WorkerLost."""
        deadline = sweeper.deadline()
        with contextlib.suppress(SurveyStopped, asyncio.IncompleteReadError):
            while True:
                kind, data = await worker.frame()
                if kind == RECORDS:
                    await self._writer.room(deadline)
                    self._writer.write(data)
                elif kind == ERROR:
                    say(data.decode("utf-8"))
                else:
                    worker.report = read_report(data)
                    self._has_news = True
        if (code := await worker.process.wait()) and not self._is_stopped:
            raise WorkerLost(code, await worker.last_line)


def reason_of(error: OSError) -> str:
    """Return why a process could not be started; uvloop does not always say."""
    is_known = error.errno is not None and error.errno > 0
    return (error.strerror if is_known else None) or "too many open files or processes (ulimit -n, ulimit -u)"


async def last_line(process: Process) -> str:
    """Return the last line that a process writes to stderr, until it ends."""
    assert process.stderr  # noqa: S101 - for mypy
    end = b""
    while more := await process.stderr.read(LAST_LINE_BYTES):
        end = (end + more)[-LAST_LINE_BYTES:]
    lines = end.decode("utf-8", "replace").split("\n")
    return printable(next((line for line in reversed(lines) if line.strip()), "")).removeprefix("client: ")
