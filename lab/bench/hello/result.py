"""The whole of `lab bench hello`: its parts one after the other, and what is left out where something is missing."""

from lab.bench.harness import peers
from lab.bench.harness.figures import Group, Result
from lab.bench.harness.machine import Core, version
from lab.bench.harness.peers import WRK
from lab.bench.harness.rounds import Rounds, Say
from lab.bench.harness.wrk import CONNECTIONS
from lab.bench.hello import users, without_sleep


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure the wall time of many users at once, and requests a second without the sleep."""
    core = Core()
    groups: list[Group] = []
    for count in rounds.users:
        groups += users.at_once(rounds, count, core, say)
    notes = [each.missing() for each in without_sleep.PACKAGES if not each.is_here]
    if WRK.path():
        groups += without_sleep.measure(rounds, core, say)
    else:
        notes.append(WRK.missing())
    return Result(
        "hello",
        tuple(groups),
        method=(
            f"{rounds.in_turns()}; the users are `client hello`, one process, its wall time as it prints it",
            "who is busy: processor time of the users' process and of the server; the wall time is that of the busier",
            f"without the sleep: wrk, {CONNECTIONS} connections kept alive, {max(1, round(rounds.seconds))} s a turn",
            f"`wrk --threads 1 --connections {CONNECTIONS} URL`; commands of the servers: lab/bench/harness/servers.py",
            f"{core.sentence()}; two workers may use every core, the load's too",
            ", ".join((peers.sentence((WRK,)), *(f"{name} {version(name)}" for name in without_sleep.VERSIONS))),
        ),
        notes=tuple(notes),
    )
