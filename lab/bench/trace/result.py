"""The whole of `lab bench trace`: awaits and surveys in turns on both loops, then the page."""

from collections.abc import Iterator, Sequence

from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.trace import awaits, page, surveys
from services.runtime.files.temporary import temporary_directory

LOOPS = ("uvloop", "asyncio")

Measured = dict[str, list[float]]


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure processor time an await, and how long a survey takes for each target; then the page of a large trace."""

    def tell(line: str) -> None:
        say(f"trace: {line}")

    targets = min(rounds.targets, surveys.MAX_TARGETS)
    count = awaits.count(rounds)
    core = Core()
    with temporary_directory("asynclab-bench-") as directory:
        turns = [(f"{name}, {loop}", turn) for loop in LOOPS for name, turn in awaits.turns(loop, count)]
        turns += [
            (f"{name}, {loop}", turn) for loop in LOOPS for name, turn in surveys.turns(core, directory, targets, loop)
        ]
        measured = interleaved(turns, rounds.number, tell)
    lack, size = page.missing(), page.TINY if rounds.is_short else page.FULL
    shown = [] if lack else page.measured(size, rounds.number, tell)
    return Result(
        "trace",
        tuple(groups(measured)),
        method=(
            f"an await: {count:,} of asyncio.sleep(0) in 100 tasks, the quickest of 5 passes; no file is made",
            f"a survey: {targets:,} targets, from its first fetch to its last, in one process",
            f"{rounds.in_turns()}, a process each; {core.server_sentence()}",
            *([f"the page: in Chromium, without a window; frames of a replay of {page.FRAMES}"] if shown else []),
        ),
        notes=(awaits.FLOOR, *awaits.missing(), *([lack] if lack else [])),
        tables=(page.table(shown, size),) if shown else (),
        promises=page.goals(shown, size) if shown else (),
    )


def groups(measured: Measured) -> Iterator[Group]:
    """Yield the figures, two groups a loop."""

    def rows(names: Sequence[str], loop: str) -> list[Row]:
        return [Row(name, tuple(measured[f"{name}, {loop}"]), ours=name.startswith("services.")) for name in names]

    for loop in LOOPS:
        yield awaits.group(loop, rows([*awaits.NAMES, *awaits.present()], loop))
        yield surveys.group(loop, rows(surveys.NAMES, loop))
