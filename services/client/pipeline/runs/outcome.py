"""What a ledger comes to: its table for a person, the ids that have no result, and the exit code."""

import sys
from collections.abc import Sequence

from services.client.errors import NOTHING_ANSWERED
from services.client.pipeline.ledger import SHOWN_IDS, Ledger
from services.client.pipeline.options import JETSTREAM
from services.runtime.cli import INTERRUPTED
from services.runtime.terminal import columns, printable, say

SHOWN_WORKERS, INDENT = 16, 2
MOSTLY = 0.9  # of the time
COUNTS = (  # a line of the table each
    ("attempted", "acknowledged", "recorded"),
    ("lost", "unexpected", "recovered"),
    ("duplicates", "redelivered", "dead_lettered"),
    ("failed",),
)


def ledger_table(ledger: Ledger, *, wide: int | None = None) -> list[str]:
    """Return the ledger as a table for a person, as lines of at most `wide` columns (None: of any length)."""
    members = ledger.members()
    run = [f"run {printable(ledger.run)},"] if ledger.run else []
    rows = [[(name.replace("_", "-"), f"{members[name]:,}") for name in names] for names in COUNTS]
    rows[-1] += [("cost an item", f"{ledger.cost_us:,.1f} us"), ("producer's wait", f"{ledger.wait_s:,.3f} s")]
    title = ["ledger:", f"edition {ledger.edition}", f"on {ledger.loop},", *run, f"{ledger.took_s:,.3f} s"]
    lines = folded(title, " ", wide)
    for row in rows:
        lines += folded(["", *(f"{name:<15} {figure:>12}" for name, figure in row)], "  ", wide)
    if ledger.errors:
        counts = (f"{printable(name)} {count:,}" for name, count in ledger.errors.most_common())
        lines += folded(["", "error ", *counts], "  ", wide)
    if ledger.edition == JETSTREAM and ledger.wait_s > MOSTLY * ledger.took_s:
        hint = "the queue was full nearly all the time: start more workers, or let more items wait (--queue-size)"
        lines += folded([" ", *hint.split()], " ", wide)
    return [*lines, *shares(ledger)]


def folded(words: Sequence[str], between: str, wide: int | None) -> list[str]:
    """Return words in lines of at most `wide` columns, no word torn; lines but the first are indented."""
    lines, line = list[str](), words[0]
    for word in words[1:]:
        if wide and len(line + between + word) > wide and line.strip():
            lines.append(line)
            line = " " * INDENT + word
        else:
            line += between + word
    return [*lines, line]


def shares(ledger: Ledger) -> list[str]:
    """Return what each worker did, a line each."""
    recorded = max(1, len(ledger.recorded))
    counts = sorted(ledger.workers.items())
    rows = [f"  {printable(name):<15} {count:>12,} {count / recorded:>5.0%}" for name, count in counts]
    if (rest := len(rows) - SHOWN_WORKERS) > 0:
        return [*rows[:SHOWN_WORKERS], f"  and {rest:,} more workers"]
    return rows


def say_ledger(ledger: Ledger, *, quiet: bool, is_kept: bool = True) -> None:
    """Print the ledger for a person; `quiet`: only which ids have no result. `is_kept`: whether the run can go on."""
    if not quiet:
        for line in ledger_table(ledger, wide=columns(sys.stderr)):
            say(line)
    if unfinished := ledger.unfinished:
        say(f"pipeline: without a result: {unfinished.shown(SHOWN_IDS)}")
        if ledger.run and is_kept:
            say(f"pipeline: to go on: --edition {JETSTREAM} --run {printable(ledger.run)}")
    for number, reason in ledger.reasons.items():
        say(f"pipeline: {number} was given up: {printable(reason)}")
    if more := len(ledger.dead) - len(ledger.reasons):
        say(f"pipeline: {more:,} more were given up: {ledger.dead.shown(SHOWN_IDS)}")


def exit_code(ledger: Ledger, *, stopped: bool) -> int:
    """Return the exit code that follows from a ledger."""
    if stopped:
        return INTERRUPTED
    if not ledger.is_sound or ledger.unfinished or ledger.dead:
        return 1
    if ledger.failed:
        return NOTHING_ANSWERED if ledger.failed == len(ledger.recorded) else 1
    return 0
