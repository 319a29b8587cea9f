"""Decides from what a run found whether the lab kept its promises, and makes the tables of figures."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from lab.bench.chaos.found import BACK_WITHIN_S, SETTLED_WITHIN_S, Answer, Found, Recovery, Seen
from lab.bench.chaos.logs import MOMENT
from lab.bench.harness.figures import Cell, Promise, Table

P99_GOAL_S = 0.25
MAX_NAMED = 3
MAX_COUNTED = 8
MAX_SHOWN = 100
MAX_ENTRIES, MAX_LINES = 5, 40
MIB = 1 << 20
COUNTED = ("opened", "answered", "turned_away", "refused", "held")
VARYING = re.compile(r"b'[^']*'|b\"[^\"]*\"|0x[0-9a-f]+|\d+")
STATUS = re.compile(r"^(status \d)\d\d$")


def judge(found: Found) -> tuple[tuple[Promise, ...], tuple[Table, ...]]:
    """Return each promise with whether it was kept, and the figures."""
    seen = found.seen()
    return promises(found, seen), tables(found, seen)


def promises(found: Found, seen: Seen) -> tuple[Promise, ...]:
    """Return each promise, and whether it was kept."""
    return (
        attacks_ran(found),
        no_other_end(found),
        no_memory_spent(found),
        came_back(found),
        settled(found),
        no_error(seen),
        quick(seen),
        exact_sums(found),
        *(held_inside(found, *each) for each in INSIDE),
        clean_logs(found),
    )


INSIDE = (
    ("no plan is torn, and each is in force when it is answered", ("change", "torn", "old", "refuse", "clear")),
    ("the journal adds up under load, and is verified in time", ("sums", "verify")),
    ("a survey that is killed and resumed has one record a target", ("survey",)),
    ("a survey that is paused makes up for one second at most", ("rate",)),
)
"""Promises that the attacks themselves check, and the kinds of failures that break them."""


def attacks_ran(found: Found) -> Promise:
    """Every attack ran, and ran to its end."""
    missing = [f"{kind} ({each.not_run} of {each.times})" for kind, each in found.attacks.items() if each.not_run]
    ran = sum(each.times - each.not_run for each in found.attacks.values())
    return Promise("every attack ran to its end", bool(ran) and not missing, listed(missing) or f"{ran:,} attacks")


def no_other_end(found: Found) -> Promise:
    """No service ended unless chaos ended it."""
    ends = [f"{each.service} (exit code {each.exit_code})" for each in found.deaths]
    return Promise("no service ends by itself", not ends, listed(ends) or "none did")


def no_memory_spent(found: Found) -> Promise:
    """No process was killed for its memory."""
    ends = [each.service for each in found.out_of_memory]
    return Promise("nothing is killed for its memory", not ends, listed(ends) or "nothing was")


def came_back(found: Found) -> Promise:
    """What was killed came back."""
    late = [f"{each.service} after {each.why}" for each in found.recoveries if not each.by_itself or slow(each)]
    times = [each.took_s for each in found.recoveries]
    text = f"{len(times)} ends, {max(times):.1f} s at most" if times else "none was killed"
    return Promise(f"what is killed is healthy again by itself in {BACK_WITHIN_S:g} s", not late, listed(late) or text)


def slow(recovery: Recovery) -> bool:
    """Return whether a service took too long."""
    return recovery.took_s > BACK_WITHIN_S


def settled(found: Found) -> Promise:
    """The lab is healthy when the load has stopped."""
    took_s = found.settled_s
    kept = took_s is not None and not found.not_healthy
    text = f"after {took_s:.1f} s" if took_s is not None and kept else f"not healthy: {listed(found.not_healthy)}"
    return Promise(f"the lab ends healthy, in {SETTLED_WITHIN_S:g} s", kept, text)


def no_error(seen: Seen) -> Promise:
    """A healthy client saw errors only of services that were just ended, or had faults in force."""
    outside = seen.outside
    errors = Counter(f"{each.service} {each.error}" for each in outside if each.error)
    kept = bool(outside) and not errors
    text = counted(errors) if errors else f"{len(outside):,} answers"
    return Promise("a healthy client sees no error of a service that runs", kept, text)


def quick(seen: Seen) -> Promise:
    """A healthy client was answered soon."""
    times = [each.took_s for each in seen.outside if not each.error]
    p99_s = percentile(times, 0.99)
    goal = f"a healthy client's 99th percentile is below {P99_GOAL_S * 1000:g} ms"
    return Promise(
        goal,
        p99_s < P99_GOAL_S,
        f"{p99_s * 1000:,.0f} ms" if times else "not known",
        is_goal=True,
        held_by="attacks, and services that start, on the same cores",
        ceiling=f"its quickest answer: {min(times) * 1000:,.1f} ms" if times else "not known",
    )


def exact_sums(found: Found) -> Promise:
    """What the sites count is exact."""
    wrong = [
        f"{service}: no answer"
        if sums is None
        else f"{service}: total {sums.total}, kept {sums.kept}, dropped {sums.dropped}, requests {sums.requests}"
        for service, sums in found.sums.items()
        if sums is None or not sums.exact
    ]
    kept = bool(found.sums) and not wrong
    total = sum(sums.total for sums in found.sums.values() if sums)
    return Promise("journal sums are exact", kept, listed(wrong) or f"{total:,} exchanges since the last starts")


def held_inside(found: Found, text: str, kinds: Sequence[str]) -> Promise:
    """Return a promise that the attacks themselves check."""
    broken = [what for attacks in found.attacks.values() for kind, what in attacks.failures if kind in kinds]
    return Promise(text, not broken, listed(broken) or "held")


def clean_logs(found: Found) -> Promise:
    """No log has an entry that is not documented."""
    ends = Counter(end_of(service, entry) for service, entries in found.log.items() for entry in entries)
    text = counted(ends) if ends else "clean"
    return Promise("the logs hold no error that is not documented", bool(found.log) and not ends, text)


def end_of(service: str, entry: str) -> str:
    """Return the first and last line of a log entry, without the parts that differ between entries of one kind."""
    first, *rest = VARYING.sub("...", MOMENT.sub("", entry)).splitlines()
    return f"{service}: {first[:MAX_SHOWN]}" + (f": {rest[-1][:MAX_SHOWN]}" if rest else "")


def evidence(found: Found) -> list[str]:
    """Return the first entry of each kind that should not be in a log, line by line."""
    first: dict[str, tuple[str, str]] = {}
    for service, entries in found.log.items():
        for entry in entries:
            first.setdefault(end_of("", entry), (service, entry))
    return [line for service, entry in list(first.values())[:MAX_ENTRIES] for line in shown(service, entry)]


def shown(service: str, entry: str) -> list[str]:
    """Return an entry as evidence."""
    return [f"in the log of {service}:", *(f"  {line}" for line in entry.splitlines()[:MAX_LINES])]


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of all values lies; infinity where there is none."""
    return sorted(values)[min(len(values) - 1, math.ceil(part * len(values)) - 1)] if values else math.inf


def listed(texts: Sequence[str]) -> str:
    """Return the first few texts, and how many more there are."""
    more = f" and {len(texts) - MAX_NAMED} more" if len(texts) > MAX_NAMED else ""
    return "; ".join(texts[:MAX_NAMED]) + more


def counted(counts: Counter[str]) -> str:
    """Return counts as text, the greatest first."""
    more = f" and {len(counts) - MAX_COUNTED} kinds more" if len(counts) > MAX_COUNTED else ""
    return ", ".join(f"{count:,} x {name}" for name, count in counts.most_common(MAX_COUNTED)) + more


def tables(found: Found, seen: Seen) -> tuple[Table, ...]:
    return (attack_table(found), client_table(seen), end_table(found, seen), service_table(found))


def attack_table(found: Found) -> Table:
    """Return what was done, and what came of it."""
    columns = ("attack", "times", *(name.replace("_", " ") for name in COUNTED), "and", "broken")
    rows: list[Sequence[Cell]] = []
    for kind, each in sorted(found.attacks.items()):
        rest = ", ".join(f"{n:,} {name}" for name, n in each.counts.items() if name not in {*COUNTED, "failures"})
        counts = [each.counts.get(name) for name in COUNTED]
        rows.append((kind, each.times, *counts, rest, len(each.failures)))
    rows += [(kind, times, *[None] * len(COUNTED), "", None) for kind, times in sorted(found.reloads.items())]
    return Table("chaos: what was done, and what its side saw of it", columns, tuple(rows))


def client_table(seen: Seen) -> Table:
    """Return what the healthy client saw, service by service."""
    outside, inside = seen.outside, [answer for answer, _ in seen.inside]
    rows = []
    for service, how in sorted({(each.service, each.how) for each in (*outside, *inside)}):
        of = [each for each in outside if (each.service, each.how) == (service, how)]
        beside = [each for each in inside if (each.service, each.how) == (service, how)]
        rows.append((f"{service}: {how}", *latencies(of), errors_of(of), len(beside), errors_of(beside)))
    rows.append(("all", *latencies(outside), errors_of(outside), len(inside), errors_of(inside)))
    columns = ("a healthy client", "answers", "p50 ms", "p99 ms", "max ms", "errors", "excused", "errors there")
    return Table(
        "chaos: a healthy client, and beside it where chaos had ended or changed a service", columns, tuple(rows)
    )


def latencies(answers: Sequence[Answer]) -> tuple[Cell, ...]:
    """Return how many requests were answered, and how soon, in milliseconds."""
    times = [each.took_s * 1000 for each in answers if not each.error]
    return (len(times), *(percentile(times, part) if times else None for part in (0.5, 0.99, 1.0)))


def errors_of(answers: Iterable[Answer]) -> str:
    """Return the errors by class, and statuses by their first digit, since chaos plans use a hundred of them."""
    return counted(Counter(STATUS.sub(r"\1xx", each.error) for each in answers if each.error)) or "-"


def end_table(found: Found, seen: Seen) -> Table:
    """Return what an end costs: how long until the service is healthy, and what a client sees until then."""
    rows = []
    for service, why in sorted({(each.service, each.why) for each in found.recoveries}):
        ends = [each for each in found.recoveries if (each.service, each.why) == (service, why)]
        met = [answer for answer, window in seen.inside if (window.service, window.why) == (service, why)]
        first_s = [first for end in ends if (first := first_answer_s(end, found.answers)) is not None]
        took_s = [end.took_s for end in ends if end.healthy_s is not None]
        itself = sum(end.by_itself for end in ends)
        rows.append(
            (
                f"{service}: {why}",
                len(ends),
                itself,
                median(first_s) if first_s else None,
                median(took_s) if took_s else None,
                max(took_s, default=None),
                errors_of(met),
            )
        )
    columns = ("an end", "times", "by itself", "answers after s", "healthy after s", "at most s", "what a client sees")
    return Table("chaos: what is killed, until it is healthy again", columns, tuple(rows))


def first_answer_s(end: Recovery, answers: Sequence[Answer]) -> float | None:
    """Return the seconds from an end to the first answer to a request made after it; None without one."""
    after = [
        each.ended_s - end.began_s
        for each in answers
        if each.service == end.service and each.began_s > end.began_s and not each.error
    ]
    return min(after, default=None)


def service_table(found: Found) -> Table:
    """Return how much memory each service held, and its sums."""
    rows: list[Sequence[Cell]] = []
    for service in found.services:
        held, sums = found.held.get(service), found.sums.get(service)
        memory: tuple[Cell, ...] = (None, None, None)
        if held:
            memory = (held.most / MIB, held.anonymous / MIB, held.limit / MIB or None)
        account: tuple[Cell, ...] = (None, None, None, None)
        if sums:
            account = (sums.total, sums.kept, sums.dropped, sums.turned_away)
        rows.append((service, found.starts[service], *memory, *account))
    columns = (
        "service",
        "started again",
        "most MiB",
        "not cache MiB",
        "limit MiB",
        "journal",
        "kept",
        "dropped",
        "turned away",
    )
    return Table("chaos: memory at its highest, and accounts since the last start", columns, tuple(rows))
