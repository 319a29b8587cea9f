"""A list that is not the survey's best case: thousands of hosts, some dead, some that drip, TLS for half of them.

No socket can be used again, as for one host, and every contestant waits for the same deadlines: that of the hosts that
drip is its own wait, and no other's.
"""

from collections.abc import Callable
from functools import partial

from lab.bench.harness.figures import Group
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.wget import contestants
from lab.bench.wget.contestants import AIOHTTP, CURL_NAME, LOOPS, Sample, Work
from lab.bench.wget.hosts import Hosts, serving_hosts
from services.runtime.files.temporary import temporary_directory

EACH = 10  # targets of each host
CONCURRENCY = 256
MOST_ROUNDS = 2
TITLE = "wget, a list with dead, slow and TLS hosts"


def measure(rounds: Rounds, core: Core, say: Say) -> tuple[Group, ...]:
    """Measure rate, processor time and memory of the contestants that can do such a list."""
    with (
        temporary_directory("asynclab-bench-") as directory,
        serving_hosts(rounds.hosts, core.server, directory) as hosts,
    ):
        work = work_at(hosts, rounds)
        turns: list[tuple[str, Callable[[], Sample]]] = [
            (f"services.client, {loop}", partial(contestants.client, work, loop)) for loop in LOOPS
        ]
        if CURL.path():
            turns.append((CURL_NAME, partial(contestants.curl, work)))
        turns.append((AIOHTTP, partial(contestants.aiohttp_client, work, LOOPS[0])))
        number = min(MOST_ROUNDS, rounds.number)
        measured = interleaved(turns, number, lambda line: say(f"wget, {rounds.hosts:,} hosts: {line}"))
    return contestants.groups(TITLE, measured, rate=(), cost=())


def work_at(hosts: Hosts, rounds: Rounds) -> Work:
    """Return the work: several URLs of each host."""
    answered = len(hosts.answering()) * EACH
    return Work(hosts.urls(EACH), CONCURRENCY, answered, ca=hosts.ca, timeout_s=rounds.timeout_s)


def method(rounds: Rounds) -> str:
    """Return how it was measured."""
    return (
        f"the list: {rounds.hosts * EACH:,} targets on {rounds.hosts:,} addresses, {CONCURRENCY} at once; a fifth "
        f"refuse, 1 % drip until the deadline of {rounds.timeout_s} s; half through TLS, whose certificates are checked"
    )
