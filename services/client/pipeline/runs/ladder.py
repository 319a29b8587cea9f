"""`client pipeline --edition all`: each edition on the same input, then the ladder: what each costs, what that buys.

The costs are of numbers, without output, so that they are those of the concurrency model. The results of the editions
are compared with one another, those of the input and those of the numbers: they have to be the same. So the input is
one that can be read several times.
"""

import json
import stat
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from services.client.pipeline.edition import Edition
from services.client.pipeline.items import NumberItems
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import GENERATOR, JETSTREAM, QUEUE, Options
from services.client.pipeline.runs.results import ResultsDigest, ResultWriter
from services.client.pipeline.stages import Result
from services.client.pipeline.work import reply_to_number
from services.client.settings import ClientSettings
from services.client.survey.deadlines import Deadline
from services.client.survey.options import Contradiction
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import OutputClosed, OutputFailed, ProgramError
from services.runtime.run import Stop, running_loop_name, until_stopped
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, show

LADDER = (GENERATOR, QUEUE, JETSTREAM)
MEASURED_ITEMS = 5_000
ROUNDS = {GENERATOR: 3, QUEUE: 3, JETSTREAM: 1}  # the quickest counts: other work of the machine only adds time
GUARANTEES = {  # in the order of LADDER
    "many at once": ("no", "yes", "yes"),
    "memory is bounded": ("one item", "yes", "yes"),
    "^C cancels work": ("no", "yes", "yes"),
    "a worker is killed": ("run is lost", "run is lost", "run goes on"),
    "the broker restarts": ("has none", "has none", "run waits"),
    "a host is lost": ("run is lost", "run is lost", "if a worker's"),
    "paid for by": ("waiting", "tasks, a queue", "a broker, its disk"),
}
NAME_COLUMNS, CELL_COLUMNS = 20, 19


RunOne = Callable[[Options, ClientSettings, Stop, ResultsDigest], Awaitable[int]]
EditionOf = Callable[[str], Edition]


class ReadOnce(Contradiction):
    """The input can be read once only, and each edition reads it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"--edition all reads its input several times, and {printable(name)} can be read once: give a file"
        )


@dataclass(frozen=True, slots=True)
class Rung:
    """An edition, measured.

    Arguments:
        results: the id and the reply of each number that was measured.
        given: the results of the input.
        problem: why it could not be measured.
    """

    edition: str
    cost_us: float = 0.0
    results: frozenset[tuple[int, str]] = frozenset()
    given: tuple[int, int] = (0, 0)
    problem: str = ""


class NoOutput:
    """Takes all that is written, and writes nothing."""

    error: ProgramError | None = None
    has_room = True

    async def room(self, deadline: Deadline) -> None:
        """Do not wait."""

    def write(self, data: bytes) -> None:
        """Do not write it."""


async def show_all(
    options: Options, settings: ClientSettings, stop: Stop, *, run_one: RunOne, edition_of: EditionOf
) -> int:
    """Run each edition on the input, then measure each; return the greatest exit code of those that could run.

    `run_one` runs one edition with its output; `edition_of` returns the edition of a name, or raises ProgramError.
    """
    await refuse_what_is_read_once(options.input)
    worst, rungs = 0, dict[str, Rung]()
    given = {name: ResultsDigest() for name in LADDER}
    for name in LADDER:
        say(f"edition {name}:")
        try:
            if name == JETSTREAM and settings.no_broker:
                raise ProgramError(settings.no_broker)
            worst = max(worst, await run_one(replace(options, edition=name), settings, stop, given[name]))
        except ProgramError as error:
            if name != JETSTREAM or isinstance(error, OutputClosed | OutputFailed):
                raise
            rungs[name] = Rung(name, problem=printable(str(error)))
            say(rungs[name].problem)
        if stop.event.is_set():
            return INTERRUPTED
    for name in LADDER:
        if name not in rungs:
            edition = edition_of(name)
            rounds = [await measured(name, edition, options, settings, stop) for _ in range(ROUNDS[name])]
            rungs[name] = replace(min(rounds, key=lambda rung: rung.cost_us), given=given[name].value)
        if stop.event.is_set():
            return INTERRUPTED
    ladder = [rungs[name] for name in LADDER]
    for line in json_lines(ladder) if options.format == "json" else table(ladder):
        show(line)
    return max(worst, 0 if have_same_results(ladder) else 1)


async def refuse_what_is_read_once(name: str | None) -> None:
    """Refuse a pipe, a terminal and the like. Raises ReadOnce; what cannot be read at all is for its reader to say."""
    if name is None:
        return

    def mode() -> int:
        try:
            return Path(name).stat().st_mode
        except OSError:
            return 0

    found = await run_in_daemon_thread(mode)  # a network file may wait for any time
    if stat.S_ISFIFO(found) or stat.S_ISCHR(found) or stat.S_ISSOCK(found):
        raise ReadOnce(name)


async def measured(name: str, edition: Edition, options: Options, settings: ClientSettings, stop: Stop) -> Rung:
    """Run an edition on numbers, without output. A stop ends it."""
    options = Options(
        items=MEASURED_ITEMS,
        edition=name,
        producers=options.producers,
        consumers=options.consumers,
        queue_size=options.queue_size,
        quiet=True,
    )
    if settings.broker is not None:
        settings = replace(settings, broker=replace(settings.broker, keeps_runs=False))
    ledger, results = Ledger(name, running_loop_name()), set()

    def keep(result: Result) -> bytes:
        results.add((result.id, result.reply))
        return b""

    writer = ResultWriter(ledger, NoOutput(), keep)

    async def to_its_end() -> int:
        items = NumberItems(MEASURED_ITEMS)
        await edition(items, lambda: reply_to_number, writer.emit, ledger=ledger, options=options, settings=settings)
        return 0

    began = time.perf_counter()
    try:
        await until_stopped(to_its_end(), stop)
    except ProgramError as error:
        return Rung(name, problem=printable(str(error)))
    writer.finish(with_ledger=False)
    ledger.took_s = time.perf_counter() - began
    return Rung(name, ledger.cost_us, frozenset(results))


def have_same_results(rungs: Sequence[Rung]) -> bool:
    """Return whether all editions that ran had the same results."""
    return len({(rung.given, rung.results) for rung in rungs if not rung.problem}) == 1


def table(rungs: Sequence[Rung]) -> Iterator[str]:
    """Yield the ladder for a person, a line each."""
    yield f"the ladder: {MEASURED_ITEMS:,} numbers, without output; the editions from left to right"
    costs = ["not here" if rung.problem else f"{rung.cost_us:,.1f} us" for rung in rungs]
    same = "yes" if have_same_results(rungs) else "NO"
    rows = {
        "": [rung.edition for rung in rungs],
        "cost an item": costs,
        **GUARANTEES,
        "same results": ["-" if rung.problem else same for rung in rungs],
    }
    for name, cells in rows.items():
        yield f"  {name:<{NAME_COLUMNS}}" + "".join(f"{cell:>{CELL_COLUMNS}}" for cell in cells)
    for rung in rungs:
        if rung.problem:
            yield f"  {rung.edition} is not here: {rung.problem}"


def json_lines(rungs: Sequence[Rung]) -> Iterator[str]:
    """Yield an object for each edition, a line each: its cost, its guarantees, whether its results are the others'."""
    for at, rung in enumerate(rungs):
        members = {
            "edition": rung.edition,
            "items": 0 if rung.problem else MEASURED_ITEMS,
            "cost_us": None if rung.problem else rung.cost_us,
            "same_results": None if rung.problem else have_same_results(rungs),
            "problem": rung.problem or None,
        }
        yield json.dumps(members | {name: cells[at] for name, cells in GUARANTEES.items()})
