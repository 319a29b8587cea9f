"""Where the processor time of a fetch goes: its stages in microseconds, and so what holds a goal that is not reached.

Two stages are programs: the row null has the kernel's part with the least of Python around it, and a survey of one
target has the start of all processes. Those that are functions are called alone, again and again; within a survey they
take longer, since the kernel's code and the other processes use the same caches. The rest is what is left: tasks,
deadlines, the loop, and what the processes send each other.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lab.bench.harness.figures import Table
from lab.bench.harness.load import servers
from lab.bench.wget.contestants import client_command
from services.client.head import Head, Limits, WholeHeads
from services.client.survey.lines import LONG_BYTES
from services.client.survey.results.record import Record, json_line
from services.client.survey.results.stats import Stats
from services.client.survey.survey import MAX_PROCESSES
from services.client.survey.targets import Target
from services.client.survey.tasks import BATCH
from services.client.survey.worker_protocol import numbered_line, target_of_numbered_line
from services.client.url.url import read_target
from services.runtime.process import usable_cores

TITLE = "wget: the stages of a fetch"
NULL_STAGE = "a connection, a request and an answer (row null, without its start)"
START_STAGE = "the start of the processes"
REST_STAGE = "tasks, deadlines, the loop, and between the processes"
TURNS, CALLS = 50, 200
SHOWN = 0.05  # a part of less is not named as what holds a goal


class Stage(NamedTuple):
    """A stage of a fetch: its name, its processor time, and which part that is of the whole fetch."""

    name: str
    us: float
    share: float


def stages(total_us: float, *, null_us: float, start_us: float) -> tuple[Stage, ...]:
    """Return the stages of a fetch that takes `total_us` of processor time, the start of its processes shared out."""
    found = {NULL_STAGE: null_us, START_STAGE: start_us, **{name: best_us(call) for name, call in functions().items()}}
    found[REST_STAGE] = max(0.0, total_us - sum(found.values()))
    return tuple(Stage(name, us, us / total_us) for name, us in found.items())


def functions() -> dict[str, Callable[[], object]]:
    """Return the stages that are functions, each as a call for one fetch; the statistics are for BATCH of them."""
    heads, data = WholeHeads(Limits()), answer()
    record = record_of(heads.read(data))
    line = numbered_line(Target(record.line, record.target)).rstrip(b"\n")
    return {
        "a target from its line": lambda: (target_of_numbered_line(0, line), read_target(record.target)),
        "its head, which came before": lambda: heads.read(bytes(bytearray(data))),
        "its record as JSON": lambda: json_line(record),
        "the statistics": counting(record),
    }


def counting(record: Record) -> Callable[[], object]:
    """Return a call that counts BATCH records at each BATCHth call, as a survey does."""
    stats, waiting = Stats(), [record]

    def count() -> None:
        waiting.append(record)
        if len(waiting) == BATCH:
            stats.add(*waiting)
            waiting.clear()

    return count


def answer() -> bytes:
    """Return an answer as the bench's server gives it."""
    lines = [f"{name}: {value}\r\n" for name, value in servers.FIELDS.items()]
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(servers.PAGE)}\r\n{''.join(lines)}\r\n{servers.PAGE}".encode()


def record_of(head: Head | None) -> Record:
    """Return the record of such an answer."""
    record = Record(1, "site.bench", "uvloop", "http://site.bench/", "127.0.0.1", head, attempts=1)
    record.dns_s, record.connect_s, record.head_s, record.total_s = 1e-6, 1e-4, 1e-3, 1.1e-3
    return record


def best_us(call: Callable[[], object]) -> float:
    """Return the processor time of a call in microseconds: the least of many short turns, for others run, too."""
    least = float("inf")
    for _ in range(TURNS):
        began_s = time.process_time()
        for _ in range(CALLS):
            call()
        least = min(least, time.process_time() - began_s)
    return least / CALLS * 1e6


def start_command(list_bytes: int, concurrency: int, resolve: Sequence[str]) -> list[str]:
    """Return the survey of one target, with as many processes as a list of so many bytes has."""
    is_long = list_bytes >= LONG_BYTES
    processes = min(usable_cores(), MAX_PROCESSES) if is_long else 1
    return client_command(concurrency, "uvloop", resolve, "--processes", str(processes))


def table(found: Sequence[Stage]) -> Table:
    """Return the stages as a table."""
    rows = tuple((stage.name, stage.us, f"{stage.share:.0%}") for stage in found)
    return Table(TITLE, ("stage", "processor us a fetch", "of it"), rows)


def held_by(found: Sequence[Stage]) -> str:
    """Return in words what takes a fetch's processor time, the largest stage first."""
    large = sorted((stage for stage in found if stage.share >= SHOWN), key=lambda stage: -stage.share)
    return ", ".join(f"{stage.name} {stage.share:.0%}" for stage in large) + " of its processor time"
