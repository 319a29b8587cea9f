"""`lab bench`: what is to be compared, how much, and where the figures go."""

import os
import signal
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lab import ROOT
from lab.bench.harness.rounds import FULL, QUICK
from lab.interrupts import interrupted_by
from services.client.options.values import whole
from services.runtime.terminal import say, standard_output

if TYPE_CHECKING:
    from lab.bench.harness.figures import Result

CHAOS = "chaos"
CHAOS_S, QUICK_CHAOS_S = 600, 60
BENCHES = {
    "sites": "the recorded sites, beside nginx",
    "gateway": "what stands between, beside nginx's stream module",
    "wget": "surveys, beside curl, aiohttp's client and wrk",
    "hello": "thousands of users at once; the server, beside aiohttp's own, uvicorn and granian",
    "stalled": "what stalled connections and a million requests cost a site",
    "pipeline": "each edition, beside asyncio.Queue, anyio, aiostream and nats-py",
    "trace": "what recording costs, and how the page draws it",
    "start": "how long until there is something to see; sizes of wheel and images",
    "scale": "time and memory, as targets, items, workers, hosts and connections grow",
}
FOLDERS = {"hello", "pipeline", "scale", "start", "trace", "wget"}  # benches with more than a file
DOCUMENT = ROOT / "docs" / "benchmarks.md"
MILLIONS = {"wget": "lab.bench.wget.million", "pipeline": "lab.bench.pipeline.sizing"}


def add_options(parser: ArgumentParser) -> None:
    """Declare the options of `bench`, and say what each bench measures."""
    add = parser.add_argument
    rows = [f"  {name:<10}{what}" for name, what in BENCHES.items()]
    parser.description = "\n".join([f"{parser.description}", "", "benches:", *rows])
    add("benches", nargs="*", metavar="BENCH", help=f"which of them (all); or {CHAOS}, alone")
    add(
        "--quick",
        action="store_true",
        help=f"one short round, without containers: to see that it works ({CHAOS}: a minute)",
    )
    add("--rounds", metavar="N", type=whole(1, 1_000), help=f"how often each contestant has its turn ({FULL.number})")
    add(
        "--seconds",
        metavar="S",
        type=whole(1, 3_600),
        help=f"how long a turn takes under wrk's load ({FULL.seconds:g}), or {CHAOS} ({CHAOS_S})",
    )
    add(
        "--seed", metavar="N", type=whole(0, 2**32 - 1), help=f"what {CHAOS} does and when is drawn from it (by chance)"
    )
    add("--targets", metavar="N", type=whole(1, 10_000_000), help=f"how many a turn of wget fetches ({FULL.targets:,})")
    add(
        "--million",
        action="store_true",
        help="wget, pipeline: also a million; pipeline: also 64 workers (minutes)",
    )
    add("--install", action="store_true", help="first install the peers that are missing (nginx, wrk, curl)")
    add(
        "--until-quiet",
        action="store_true",
        help="before each bench, wait until others use little of this machine, five minutes at most",
    )
    add("--json", metavar="FILE", type=Path, help="write every value there")
    add("--write", action="store_true", help="write the figures into docs/benchmarks.md: not those of a noisy machine")
    add("--html", metavar="FILE", type=Path, help="write a page there: ratios as bars with spread, scaling curves")
    add("--svg", metavar="FILE", type=Path, help="draw a chart of the ratios there")


def bench(options: Namespace) -> int:
    """Run the benches one after the other, and show what each found as soon as it is done.

    Results that are there are also written where a ^C or an error ends the rest.
    """
    from lab.bench.harness import peers
    from lab.bench.harness.output import files, terminal

    (check_chaos if CHAOS in options.benches else check_benches)(options)
    standard_output()  # a closed one is refused before minutes of measuring
    for file in filter(None, (options.json, options.html, options.svg, DOCUMENT if options.write else None)):
        files.check_writable(file)
    if CHAOS in options.benches:
        return chaos(options)
    if options.install:
        peers.install(say)
    results: list[Result] = []
    try:
        with interrupted_by(signal.SIGTERM):
            for result in measured(options):
                results.append(result)  # ahead of its output, whose reader may have ended
                terminal.draw_result(result)
    finally:
        if results:
            finish(options, results)
    return code_of(results, is_written=options.write)


def code_of(results: Sequence["Result"], *, is_written: bool) -> int:
    """Return 0 where every bench has its figures, and 1 else: where one failed, or is too noisy to be written."""
    unwritten = [result.bench for result in results if is_written and not result.is_quotable]
    for name in unwritten:
        say(f"bench: {name} is not written: others used the machine, too; try --until-quiet")
    for result in results:
        if result.failed:
            say(f"bench: {result.bench} has no figures: {result.failed}")
    return 1 if unwritten or any(result.failed for result in results) else 0


def finish(options: Namespace, results: Sequence["Result"]) -> None:
    """Say on which machine it was measured, and write the files, also where stdout cannot be written any more."""
    from lab.bench.harness.output import terminal

    try:
        terminal.draw_machine()
    finally:
        write_files(options, results)


def write_files(options: Namespace, results: Sequence["Result"]) -> None:
    """Write the files that were asked for. Raises ReportUnwritable."""
    from lab.bench.harness.output import chart, files

    if options.json:
        files.write_json(options.json, results)
    if options.write:
        from lab.bench.harness.output.markdown import write_document
        from lab.bench.harness.output.quotations import requote

        write_document(DOCUMENT, results)
        requote([DOCUMENT.parent.parent / "README.md", *sorted(DOCUMENT.parent.glob("*.md"))], DOCUMENT)
    if options.html:
        from lab.bench.harness.output.page.page import write_page

        write_page(options.html, results)
    if options.svg:
        chart.write_chart(options.svg, results)


def check_benches(options: Namespace) -> None:
    """Raise WrongUsage for a bench that is not, and options that do not go together."""
    from lab.errors import WrongUsage

    for name in options.benches:
        if name not in BENCHES:
            known = ", ".join((*BENCHES, CHAOS))
            raise WrongUsage(f"there is no bench {name[:40]!r}", f"choose from {known}")
    if options.write and options.quick:
        raise WrongUsage("--quick is not to be quoted, so --write does not write it", "leave one of them out")
    if options.seed is not None:
        raise WrongUsage(f"--seed is for {CHAOS}", f"leave it out, or lab bench {CHAOS}")


def check_chaos(options: Namespace) -> None:
    """Raise WrongUsage for options that are for benches, and not for chaos."""
    from lab.errors import WrongUsage

    if len(options.benches) > 1:
        raise WrongUsage(f"{CHAOS} leaves no quiet machine for a bench", f"run lab bench {CHAOS} alone")
    for name in ("rounds", "targets", "million", "install", "until_quiet", "write", "html", "svg"):
        if getattr(options, name):
            raise WrongUsage(
                f"--{name.replace('_', '-')} is not for {CHAOS}", "it takes --seconds, --quick, --seed and --json"
            )


def chaos(options: Namespace) -> int:
    """Run chaos against a separate lab, show what held, and return the exit code."""
    from lab.bench.chaos.cli import chaos as run_chaos
    from lab.bench.harness.output import files, terminal
    from lab.settings import read

    seconds = options.seconds or (QUICK_CHAOS_S if options.quick else CHAOS_S)
    result, code = run_chaos(say, read(ROOT, os.environ), seconds=seconds, seed=options.seed)
    try:
        terminal.draw([result])
    finally:
        if options.json:
            files.write_json(options.json, [result])
    return code


def measured(options: Namespace) -> Iterator["Result"]:
    """Yield the result of each bench; one that fails has no figures, and says why."""
    for name in BENCHES:
        if name in (options.benches or BENCHES):
            yield sound(name, partial(run, name, options))
            if name in MILLIONS and options.million:
                million = import_module(MILLIONS[name])
                yield sound(name, partial(observed, partial(million.bench, say), until_quiet=options.until_quiet))


def sound(name: str, run_bench: Callable[[], "Result"]) -> "Result":
    """Return the result of a bench, or the failure that ended it: what others measured is kept."""
    from lab.bench.harness.figures import Result
    from lab.errors import LabError
    from services.runtime.files.temporary import NoTemporaryDirectory

    try:
        return run_bench()
    except LabError as error:
        for line in error.evidence:
            say(line)
        return Result(name, (), notes=(str(error),), failed=error.problem)
    except NoTemporaryDirectory:
        raise  # no bench can do without one
    except Exception as error:  # whatever ends one bench, the others go on, and what they measured is kept
        why = f"{type(error).__name__}: {error}"
        return Result(name, (), notes=(f"{name}: {why}",), failed=why)


def run(name: str, options: Namespace) -> "Result":
    """Return the result of a bench, as much of it as the options ask for."""
    asked = {"number": options.rounds, "seconds": options.seconds, "targets": options.targets}
    given = {name: value for name, value in asked.items() if value}
    rounds = (QUICK if options.quick else FULL)._replace(**given)
    bench = import_module(f"lab.bench.{name}{'.result' if name in FOLDERS else ''}").bench
    return observed(partial(bench, rounds, say), until_quiet=options.until_quiet)


def observed(run_bench: Callable[[], "Result"], *, until_quiet: bool) -> "Result":
    """Return the result of a bench with how long it took, and how much of the machine others used meanwhile.

    Below its tables is what every program of it cost, and the exact command of each.
    """
    from lab.bench.harness import machine, ran

    if until_quiet:
        machine.until_quiet(say)
    others, began_s = machine.Neighbours(), time.monotonic()
    with ran.recorded() as record:
        result = run_bench()
    return replace(
        result,
        tables=(*result.tables, record.table(result.bench)),
        method=(*result.method, *record.commands()),
        others=others.share(),
        took_s=time.monotonic() - began_s,
    )
