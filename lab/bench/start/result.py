"""The whole of `lab bench start`: programs, containers where there is an engine, sizes."""

import os

from lab import ROOT
from lab.bench.harness.figures import Group, Promise, Result, Table
from lab.bench.harness.rounds import IN_QUICK, Rounds, Say
from lab.bench.start import containers, programs, sizes
from lab.docker import engine
from lab.settings import read

EMBEDDED_S = 0.3


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure how long each start takes, and how much there is to bring."""
    settings = read(ROOT, os.environ)
    started = programs.measure(rounds, say)
    groups, tables, promises, notes = [started], list[Table](), [embedded(started)], list[str]()
    if refusal := engine.refusal(engine.probe(settings)) if rounds.containers else IN_QUICK:
        notes.append(f"containers are left out: {refusal}")
    else:
        group, images, kept = containers.measure(rounds, settings, say)
        groups.append(group)
        tables.append(images)
        promises += kept
    wheel_mb = sizes.wheel_mb() if sizes.BUILD.is_here else None
    if wheel_mb is None:
        notes.append("the wheel is not measured: python -m build does not build it here")
    else:
        tables.insert(0, Table("start: the wheel", ("file", "MB"), (("asynclab-*.whl", wheel_mb),)))
    return Result(
        "start",
        tuple(groups),
        method=(
            f"{rounds.in_turns()}; whole commands, files in the system's cache; `lab serve` is ready at its first line",
            "from a clone, `make demo` first installs packages: that is the network's time, and not measured",
            "images: as `docker image inspect` has them, layers that several share counted in each",
            "an image has its base without what nothing there needs, so that it may be smaller than its base",
        ),
        notes=tuple(notes),
        tables=tuple(tables),
        promises=tuple(promises),
    )


def embedded(group: Group) -> Promise:
    """Return whether the embedded lab says something at once."""
    seconds = next(row.median for row in group.rows if row.subject == programs.EMBEDDED)
    text = f"{programs.EMBEDDED}, within {EMBEDDED_S:g} s"
    least = next(row.median for row in group.rows if row.subject == programs.ASYNCIO)
    ceiling = f"{programs.ASYNCIO}: {least:.2f} s"
    kept = seconds <= EMBEDDED_S
    return Promise(text, kept, f"{seconds:.2f} s", is_goal=True, held_by="what it imports", ceiling=ceiling)
