"""All runs: started within a bound, remembered within a bound, and ended with the server.

Pages are told of each run by events `run`: `{"id", "run"}` when it begins and ends, and `{"id", "first", "events"}` as
its trace comes, where `first` is the index of the first event in the whole trace.
"""

import asyncio
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from aiohttp import web

from services.runtime.untrusted import parse_json
from services.watch.events.history import History
from services.watch.responses import Refused
from services.watch.runs.child import run_client
from services.watch.runs.options import Hosts
from services.watch.runs.programs import CommandLine, Program
from services.watch.runs.run import Run, State, text_of
from services.watch.settings import WatchSettings

EVENT = "run"


RUNS: "web.AppKey[Runs]" = web.AppKey("RUNS")
SETTINGS = web.AppKey("SETTINGS", WatchSettings)


class Runs:
    """The runs by id, the oldest first. Each runs in a task of `tasks`."""

    def __init__(
        self, settings: WatchSettings, programs: Mapping[str, Program], history: History, tasks: asyncio.TaskGroup
    ) -> None:
        self.programs = programs
        self._settings, self._history, self._tasks = settings, history, tasks
        self._runs: dict[str, Run] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self._started = 0
        self._is_closed = False

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def of(self, run_id: str) -> Run:
        """Return a run. Raises Refused where there is none of this id."""
        run = self._runs.get(run_id)
        if run is None:
            raise Refused(404, f"there is no run {run_id[:20]}: only the last {self._settings.limits.kept} are kept")
        return run

    def start(self, asked: Mapping[str, object], hosts: Hosts) -> Run:
        """Start a program with the options that a page asks for. Raises Refused."""
        if unknown := asked.keys() - {"program", "options"}:
            raise Refused(400, f"a run has no {min(unknown)[:40]!r}: it has program and options")
        program = self.programs.get(str(asked.get("program")))
        if program is None:
            raise Refused(400, f"program: give one of {', '.join(self.programs)}")
        values = program.read(asked.get("options", {}), hosts)
        if len(self._stops) >= self._settings.limits.running or self._is_closed:
            raise Refused(429, f"{len(self._stops)} runs are under way: wait for one of them, or stop it")
        line = program.line(values)
        self._started += 1
        command = f"{self._settings.called} {shlex.join(line.for_a_person())}"
        run = Run(str(self._started), program.name, values, command)
        self._runs[run.id] = run
        self._stops[run.id] = asyncio.Event()
        self._forget()
        self._tell(run)
        self._tasks.create_task(self._follow(run, line))
        return run

    def stop(self, run_id: str) -> Run:
        """Ask a run to end, where it has not. Raises Refused."""
        run = self.of(run_id)
        if stop := self._stops.get(run.id):
            stop.set()
        return run

    def close(self) -> None:
        """Ask all runs to end, and start no more."""
        self._is_closed = True
        for stop in self._stops.values():
            stop.set()

    async def _follow(self, run: Run, line: CommandLine) -> None:
        """Run the client, and note how it ended."""
        settings = self._settings
        try:
            ended = await run_client(
                lambda *more: [*settings.client, *line.with_options(*more)],
                partial(self._take, run),
                stop=self._stops[run.id],
                limits=settings.limits,
                environment=settings.client_environment,
            )
        except OSError as error:
            run.end(State.ENDED, exit_code=None, said="", note=f"it cannot be started: {error.strerror or error}")
        else:
            run.ledger = ledger_in(ended.out) if run.program == "pipeline" else None
            state = State.STOPPED if ended.note else State.ENDED
            run.end(state, exit_code=ended.code, said=said_in(ended.err), note=ended.note)
        finally:
            del self._stops[run.id]
        self._forget()
        self._tell(run)
        if run.ledger is not None:
            self._history.publish("pipeline", {"id": run.id, "ledger": run.ledger})

    def _take(self, run: Run, lines: Sequence[bytes]) -> None:
        """Keep events of a run, and pass them on."""
        first = len(run.lines)
        if kept := run.add(lines, self._settings.limits):
            data = b'{"id": %b, "first": %d, "events": [%b]}' % (json.dumps(run.id).encode(), first, b",".join(kept))
            self._history.publish_json(EVENT, data)

    def _tell(self, run: Run) -> None:
        self._history.publish(EVENT, {"id": run.id, "run": run.as_json()})

    def _forget(self) -> None:
        """Forget the oldest runs that have ended, down to the limits."""
        limits = self._settings.limits
        for run in self:
            kept_bytes = sum(each.trace_bytes for each in self._runs.values())
            if len(self._runs) <= limits.kept and kept_bytes <= limits.kept_bytes:
                return
            if run.id not in self._stops and len(self._runs) > 1:
                del self._runs[run.id]


def said_in(err: bytes) -> str:
    """Return what the client printed for a person, without what it says of its trace: that file is the server's."""
    return "\n".join(line for line in text_of(err).splitlines() if not line.startswith("trace: "))


def ledger_in(out: bytes) -> Mapping[str, object] | None:
    """Return the ledger in the last line of a pipeline's output; None where there is none."""
    lines = out.rstrip().rsplit(b"\n", 1)
    try:
        data = parse_json(lines[-1])
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and "attempted" in data else None
