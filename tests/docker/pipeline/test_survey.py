"""The survey over many machines: its records are those of `client wget -i`, and its limits hold over four workers."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from lab.compose.stack import Stack
from tests.admin_side import AdminSide

HOSTS = ["www.sina.com.cn", "www.sohu.com", "www.163.com"]
EACH = 100
RATE, PER_HOST = 100, 2
TARGETS = [f"http://{host}/" for _ in range(EACH) for host in HOSTS] + ["no.such.host", "bad host", HOSTS[0] + ":9"]

pytestmark = pytest.mark.timeout(240)

Records = Sequence[Mapping[str, Any]]


@pytest.fixture
def four(stack: Stack) -> Iterator[Stack]:
    """Have four workers."""
    words = ("up", "--detach", "--no-build", "--timeout", "1", "--scale")
    try:
        assert stack.run_compose(*words, "worker=4", "worker").returncode == 0
        yield stack
    finally:
        stack.run_compose(*words, "worker=2", "worker")


def records_of(stack: Stack, *words: str) -> Records:
    """Return the records of a survey of the targets, in their order; some of them fail."""
    done = subprocess.run(
        stack.command("run", "--rm", "-T", "client", *words, "-i", "-", "--format", "jsonl", "--quiet"),
        input="\n".join(TARGETS),
        capture_output=True,
        text=True,
        check=False,
        env=dict(stack.settings.environ),
    )
    assert done.returncode == 1, done.stderr
    return sorted(map(json.loads, done.stdout.splitlines()), key=lambda record: record["line"])


def most_at_once(entries: Records) -> int:
    """Return how many exchanges were going on at the same moment, at most."""
    begins = [(entry["received_s"], 1) for entry in entries]
    ends = [(entry["ended_s"], -1) for entry in entries]
    now = most = 0
    for _, step in sorted(begins + ends):
        now += step
        most = max(most, now)
    return most


def most_in_a_second(entries: Records) -> int:
    """Return how many requests were received within one second, at most."""
    times: list[float] = sorted(entry["received_s"] for entry in entries)
    return max(sum(begin <= time < begin + 1 for time in times) for begin in times)


def test_the_records_are_those_of_wget_and_limits_hold_over_four_workers(four: Stack) -> None:
    """The same lines, targets, statuses and errors. At the sites, no more at once and no more a second than allowed."""
    plain = records_of(four, "wget")
    admin = AdminSide(four)
    admin.set_plan(HOSTS[0], {"fault": "delay", "seconds": 0.03})
    for host in HOSTS:
        admin.begin_journal(host)
    try:
        limits = ("--rate", str(RATE), "--per-host", str(PER_HOST))
        shared = records_of(four, "pipeline", "--edition", "jetstream", *limits)
        found = {host: admin.entries(host) for host in HOSTS}
    finally:
        admin.reset(HOSTS[0])
    told = ("line", "target", "status", "reason", "error")
    assert [[one.get(name) for name in told] for one in plain] == [[one.get(name) for name in told] for one in shared]
    assert [len(entries) for entries in found.values()] == [EACH] * len(HOSTS)
    assert max(most_at_once(entries) for entries in found.values()) <= PER_HOST
    together = [entry for entries in found.values() for entry in entries]  # one machine's clock
    assert most_in_a_second(together) <= 2 * RATE
    times = [entry["received_s"] for entry in together]
    assert max(times) - min(times) >= (len(together) - RATE) / RATE
