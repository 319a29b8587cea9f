"""`lab bench wget --million`: does the client's memory stay flat over a million targets, fetched from a recorded site?

Targets and records go through pipes, so that only the client holds any of them. Its memory, that of all its processes,
is read when the first ten thousand records are out, and repeatedly from then on: the greatest value counts.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.memory import now_kib
from lab.bench.harness.processes import family, last_lines, stop
from lab.bench.wget.contestants import client_command
from lab.bench.wget.one_host import CONCURRENCY, HOST, recorded_page, routes
from services.runtime.files.temporary import temporary_directory, temporary_file

TARGETS = 1_000_000
FIRST = 10_000
BATCH = 1_000
SLOWEST_PER_S = 200
SAY_EVERY = 100_000


def bench(say: Callable[[str], None], *, targets: int = TARGETS, first: int = FIRST, loop: str = "uvloop") -> Result:
    """Fetch all targets and measure the client's memory early and late."""
    core = Core()
    with temporary_directory("asynclab-bench-") as directory, recorded_page(core, directory) as server:
        began = time.perf_counter()
        early, late = watch(client_command(CONCURRENCY, loop, routes(server)), targets, first, say)
        wall_s = time.perf_counter() - began
    rows = (
        Row(f"after {first:,} records", (early / 1024,)),
        Row(f"at most, until {targets:,}", (late / 1024,), ours=True),
    )
    return Result(
        "wget --million",
        (
            Group(
                title=f"wget, {targets:,} targets: memory",
                unit="MiB resident",
                rows=rows,
                reference=rows[0].subject,
                higher_is_better=False,
            ),
        ),
        method=(
            f"services.client, {loop}, {CONCURRENCY} at once, targets and records through pipes; all its processes",
            "served by services.sites, uvloop",
            f"{targets:,} targets in {wall_s:,.0f} s, {targets / wall_s:,.0f} fetches/s; every one has its record",
        ),
    )


def watch(command: list[str], targets: int, first: int, say: Callable[[str], None]) -> tuple[int, int]:
    """Run the client, and return its resident KiB after `first` records, and the most from then on."""
    with temporary_file() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        assert process.stdin is not None  # noqa: S101 - it was started with pipes
        assert process.stdout is not None  # noqa: S101
        killer = threading.Timer(60 + targets / SLOWEST_PER_S, process.kill)
        feeder = threading.Thread(target=feed, args=(process.stdin, targets), daemon=True)
        early = late = count = 0
        try:
            killer.start()
            feeder.start()
            for count, _record in enumerate(process.stdout, 1):
                if count == first:
                    early = now_kib(family(process.pid))
                elif count % BATCH == 0:
                    late = max(late, now_kib(family(process.pid)))
                if count % SAY_EVERY == 0:
                    say(f"wget: {count:,} records, {late / 1024:.1f} MiB")
            process.wait()
        finally:
            killer.cancel()
            stop(process)
            process.stdout.close()
        if process.returncode or count != targets:
            why = f"{count:,} records of {targets:,}, exit code {process.returncode}"
            raise BenchFailed("client wget", why=why, evidence=last_lines(log))
    return early, late


def feed(stdin: IO[bytes], targets: int) -> None:
    """Write the targets, as fast as the client takes them."""
    line = f"{HOST}\n".encode()
    with suppress(BrokenPipeError), stdin:
        for begin in range(0, targets, BATCH):
            stdin.write(line * min(BATCH, targets - begin))
