"""The whole of `lab bench hello`: its parts one after the other, and what is left out where something is missing."""

from lab.bench.harness import peers
from lab.bench.harness.figures import Group, Result, Table
from lab.bench.harness.load.wrk import CONNECTIONS
from lab.bench.harness.machine import Core, version
from lab.bench.harness.peers import WRK
from lab.bench.harness.rounds import Rounds, Say
from lab.bench.hello import users, without_sleep


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure the wall time of many users at once, and requests a second without the sleep."""
    core = Core()
    groups: list[Group] = []
    tables: list[Table] = []
    for count in rounds.users:
        waited, busy = users.at_once(rounds, count, core, say)
        groups += waited
        tables.append(busy)
    notes = [each.missing() for each in without_sleep.PACKAGES if not each.is_here]
    if WRK.path():
        fast, busy = without_sleep.measure(rounds, core, say)
        groups += fast
        tables.append(busy)
    else:
        notes.append(WRK.missing())
    return Result(
        "hello",
        tuple(groups),
        method=(
            f"{rounds.in_turns()}; the users are `client hello`, one process, its wall time as it prints it",
            "what a user costs the load is the users' process with its start; the wall time is that of the busier side",
            f"without the sleep: wrk, {CONNECTIONS} connections kept alive, {rounds.seconds:g} s a turn",
            f"{core.sentence()}; two workers may use every core, the load's too",
            ", ".join((peers.sentence((WRK,)), *(f"{name} {version(name)}" for name in without_sleep.VERSIONS))),
        ),
        notes=tuple(notes),
        tables=tuple(tables),
    )
