"""A long list, fetched by several processes: this one deals the targets out and gathers what comes back.

    source -> team -> member -> team -> output          (a member is `python -m services.client.survey.worker_process`)

Python runs on one core at a time, and a survey is more work for the processor than for the network. Members get
the options on the first line of their input and a target on each other, and give back frames (see `output`): records
in whole blocks, and now and then a tally of all that they have done. A member that sees its input end, ends.
"""

import asyncio
import contextlib
import dataclasses
import json
import socket
import sys
from asyncio.subprocess import PIPE, Process
from typing import NamedTuple

from services.client.settings import ClientSettings
from services.client.survey.deadlines import SurveyStopped
from services.client.survey.options import Options
from services.client.survey.results.formats import format_of
from services.client.survey.results.record import Record
from services.client.survey.results.stats import Stats
from services.client.survey.results.writer import ERROR, HEADER, RECORDS, RecordWriter
from services.client.survey.run import SurveyRun
from services.client.survey.targets import Source, Target, dealt
from services.client.url.url import not_one
from services.runtime.errors import NoThread, ProgramError
from services.runtime.run import running_loop_name
from services.runtime.tasks import start_daemon_thread
from services.runtime.terminal import printable, say

BATCH = 64
AHEAD_BYTES = 4 * 1024  # that wait for a member
START_S = 60.0
LAST_WORDS_BYTES = 4 * 1024
LAST_S = 1.0  # beyond the grace, for a member to write its last records


class WorkerLost(ProgramError):
    """A process of the survey ended before its work did; what it had is not recorded, and can be resumed."""

    exit_code = 3

    def __init__(self, code: int, reason: str) -> None:
        told = f" ({reason})" if reason else ""
        super().__init__(f"a process of the survey ended with {code}{told}: --resume goes on where it stopped")
        self.code, self.reason = code, reason


class NoWorkerProcess(ProgramError):
    """This machine does not let the survey have another process."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot start a process of the survey ({reason}): ask for fewer with --processes")
        self.reason = reason


class WorkerProcess(NamedTuple):
    """A process, our end of its input, what it says last on stderr, its share of the fetches, and what it is told."""

    process: Process
    deals: socket.socket
    last_words: "asyncio.Task[str]"
    share: int
    asked: bytes

    async def frame(self) -> tuple[bytes, bytes]:
        """Return the kind and the data of the next frame. Raises asyncio.IncompleteReadError at the end."""
        assert self.process.stdout  # noqa: S101 - for mypy
        kind, size = HEADER.unpack(await self.process.stdout.readexactly(HEADER.size))
        return kind, await self.process.stdout.readexactly(size)


class ProcessPool(SurveyRun):
    """The work of several processes."""

    def __init__(
        self,
        source: Source,
        output: RecordWriter,
        options: Options,
        settings: ClientSettings,
        concurrency: int,
        processes: int,
    ) -> None:
        super().__init__(source, output)
        self._options, self._settings, self._form = options, settings, format_of(options)
        self._concurrency, self._processes = concurrency, min(processes, concurrency)
        self._members: list[WorkerProcess] = []
        self._tallies: dict[int, bytes] = {}
        self._members_in_flight = self._members_kib = 0
        self._own = Stats()
        self.processes = 1 + self._processes
        self._is_cut = False

    @property
    def in_flight(self) -> int:
        """How many targets the members said that they were fetching."""
        return self._members_in_flight

    @property
    def unfinished(self) -> int:
        """How many targets were dealt and have no record, as far as is known: members tell now and then."""
        return min(self._source.taken - self.tally.done, self._concurrency)

    async def fetch_all(self, group: asyncio.TaskGroup) -> None:
        """Let all members work until there is nothing more to do."""
        try:
            await self._start_all(group)
            tasks = [group.create_task(self._deal(member)) for member in self._members]
            tasks += [group.create_task(self._gather(number)) for number in range(len(self._members))]
            if tasks:
                await asyncio.wait(tasks)
        finally:
            self._kill()
            for member in self._members:
                await member.process.wait()
        self.tick()

    def _kill(self) -> None:
        for member in self._members:
            if member.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    member.process.kill()

    def cut_off(self, after_s: float) -> None:
        """Have the members end what is in flight, and stop waiting for them soon after."""
        for member in self._members:
            with contextlib.suppress(ProcessLookupError):
                member.process.terminate()  # a second time means at once, as with ^C
        self._is_cut = True
        super().cut_off(after_s + LAST_S)
        asyncio.get_running_loop().call_later(after_s + LAST_S, self._kill)

    def tick(self) -> None:
        """Add up what the members have told."""
        self.tally = Stats()
        self.tally.load(self._own.dump())
        self._members_in_flight = self._members_kib = 0
        for told in self._tallies.values():
            in_flight, peak_kib, dumped = told.split(b" ", 2)
            self._members_in_flight += int(in_flight)
            self._members_kib += int(peak_kib)
            self.tally.load(dumped)
        super().tick()

    def peak_kib(self) -> int:
        """Return the most that each process has held, added up."""
        return super().peak_kib() + self._members_kib

    async def _start_all(self, group: asyncio.TaskGroup) -> None:
        """Start every member, and wait until each has all it needs: until then, nothing is dealt. Raises NoMember."""
        try:
            for number in range(self._processes):
                if not self._is_cut:
                    self._members.append(await self._start(number, group))
            async with asyncio.timeout(START_S):
                await asyncio.gather(*map(self._ready, range(len(self._members))))
        except TimeoutError as error:
            raise NoWorkerProcess(f"it was not ready within {START_S:g} s") from error
        except OSError as error:
            raise NoWorkerProcess(reason_of(error)) from error
        except (NoThread, RuntimeError, MemoryError) as error:
            raise NoWorkerProcess("no more threads or memory (ulimit -u, ulimit -v)") from error

    async def _ready(self, number: int) -> None:
        """Tell a member what to do, and wait for its first tally. Raises NoMember."""
        member = self._members[number]
        try:
            await asyncio.get_running_loop().sock_sendall(member.deals, member.asked)
            _, self._tallies[number] = await member.frame()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if not self._is_cut:
                code = await member.process.wait()
                raise NoWorkerProcess(await member.last_words or f"it ended with {code}") from error

    async def _start(self, number: int, group: asyncio.TaskGroup) -> WorkerProcess:
        topology = self._settings.topology
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, AHEAD_BYTES)
        share = self._concurrency // self._processes + (number < self._concurrency % self._processes)
        rate = self._options.rate / self._processes  # however they stall, together they keep to it
        with theirs:
            # Before Python 3.12, asyncio needs a thread for each process, and leaves tracebacks where it gets none.
            start_daemon_thread(int, name="probe")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.client.survey.worker_process"),
                stdin=theirs.fileno(),
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,  # a ^C is for the team
            )
        asked = {
            "options": {**dataclasses.asdict(self._options), "concurrency": share, "rate": rate},
            "routes": [[*name, *where] for name, where in topology.routes.items()],
            "closed": topology.closed,
            "loop": running_loop_name(),
        }
        last_words = group.create_task(last_line(process))
        return WorkerProcess(process, ours, last_words, share, json.dumps(asked).encode() + b"\n")

    async def _deal(self, member: WorkerProcess) -> None:
        """Give a member targets, as fast as it takes them."""
        loop, watch = asyncio.get_running_loop(), self._watchman.watch()
        with (
            member.deals,
            contextlib.suppress(SurveyStopped, ConnectionError),
        ):  # who gathers notices that a member is gone
            while item := await self._source.next(watch):
                batch = [item]
                while len(batch) < min(BATCH, member.share) and (more := self._source.pop()):
                    batch.append(more)
                await loop.sock_sendall(member.deals, b"".join(map(self._line, batch)))
                await asyncio.sleep(0)  # let the others have a hand, too

    def _line(self, item: Target) -> bytes:
        """Return an item as a member takes it; what is no target is recorded here."""
        if item.problem is None and "\n" not in item.text:
            return dealt(item)
        error = not_one(item.text, item.problem or "a line end in it")
        record = Record(item.line, item.text, running_loop_name(), error=error.kind, detail=error.detail)
        self._own.add(record)
        self._output.write(self._form.ended(record))
        if line := self._form.error_line(record):
            say(line)
        return b""

    async def _gather(self, number: int) -> None:
        """Take what a member gives back, until it ends. Raises MemberLost."""
        member = self._members[number]
        watch = self._watchman.watch()
        with contextlib.suppress(SurveyStopped, asyncio.IncompleteReadError):
            while True:
                kind, data = await member.frame()
                if kind == RECORDS:
                    await self._output.room(watch)
                    self._output.write(data)
                elif kind == ERROR:
                    say(data.decode("utf-8"))
                else:
                    self._tallies[number] = data
        if (code := await member.process.wait()) and not self._is_cut:
            raise WorkerLost(code, await member.last_words)


def reason_of(error: OSError) -> str:
    """Return why a process could not be started; uvloop does not always say."""
    is_told = error.errno is not None and error.errno > 0
    return (error.strerror if is_told else None) or "too many open files or processes (ulimit -n, ulimit -u)"


async def last_line(process: Process) -> str:
    """Return the last line that a process says on stderr, until it ends."""
    assert process.stderr  # noqa: S101 - for mypy
    said = b""
    while more := await process.stderr.read(LAST_WORDS_BYTES):
        said = (said + more)[-LAST_WORDS_BYTES:]
    lines = said.decode("utf-8", "replace").split("\n")
    return printable(next((line for line in reversed(lines) if line.strip()), "")).removeprefix("client: ")
