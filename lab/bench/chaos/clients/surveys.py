"""Surveys that are killed or paused inside a client's container, and whether each kept its promises.

Sent through stdin together with `lab.bench.chaos.clients.attack`, whose events it prints; see `inside`.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab.bench.chaos.clients.attack import Attack, Order, Report, main
from services.runtime.files.temporary import async_temporary_directory

CLIENT = (sys.executable, "-m", "services.client", "wget", "--quiet", "--timeout", "3")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
MIN_S, MAX_S = 0.3, 2.0
LAST_RUN_S = 120.0
START_S = 10.0
PAUSED_S = (1.5, 3.0)
ENOUGH_S = 60
FIRST_OF_A_LINE = b'{"v": 1, "line": '


@asynccontextmanager
async def surveying(*options: str) -> AsyncIterator[Process]:
    """Run a survey in a new session; all its processes are gone afterwards."""
    process = await asyncio.create_subprocess_exec(*CLIENT, *options, stdout=DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def killed(order: Order, report: Report) -> None:
    """Kill a survey at random moments, resume it, and let it end: each target must have exactly one record."""
    chance = random.Random(order.seed)
    ends_s = time.monotonic() + order.seconds - MAX_S  # the last run may go on after that
    async with async_temporary_directory("lab-chaos-survey-") as directory:
        targets, records = directory / "targets", directory / "heads.jsonl"
        write_targets(targets, order.site, order.count)
        options = ("-i", str(targets), "-o", str(records), "--format", "jsonl", "--resume", "--rate", "1000")
        report.tell("opened")
        while time.monotonic() < ends_s:
            async with surveying(*options) as survey:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(survey.wait(), chance.uniform(MIN_S, MAX_S))
                    break
            report.counts["kills"] += 1
        await finish(options, report)
        tell_of_records(records, order.count, report)


async def finish(options: tuple[str, ...], report: Report) -> None:
    async with surveying(*options) as survey:
        try:
            await asyncio.wait_for(survey.wait(), LAST_RUN_S)
        except TimeoutError:
            report.failed("survey", f"it does not end in {LAST_RUN_S:g} s")


def tell_of_records(records: Path, count: int, report: Report) -> None:
    """Compare the records with the targets."""
    lines = records.read_bytes().split(b"\n") if records.exists() else [b""]
    times = Counter(int(line.removeprefix(FIRST_OF_A_LINE).partition(b",")[0]) for line in lines[:-1])
    report.counts["answered"] += sum(b'"error": null' in line for line in lines)
    report.counts["records"] += sum(times.values())
    lost, twice = count - len(times), sum(each > 1 for each in times.values())
    if lost or twice or lines[-1]:
        report.failed("survey", f"of {count} targets {lost} have no record, {twice} more than one")


async def paused(order: Order, report: Report) -> None:
    """Stop a survey for a while (SIGSTOP): afterwards it may exceed its rate by one second's worth at most."""
    chance = random.Random(order.seed)
    came = Arrivals()
    async with async_temporary_directory("lab-chaos-survey-") as directory:
        targets = directory / "targets"
        write_targets(targets, "paused.test", order.count * ENOUGH_S)
        async with answering(came) as port:
            options = ("-i", str(targets), "--rate", str(order.count), "--resolve", f"*:80:127.0.0.1:{port}")
            async with surveying(*options) as survey:
                await asyncio.wait_for(came.first.wait(), START_S)
                report.tell("opened")
                await asyncio.sleep(1)
                os.killpg(survey.pid, signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(*PAUSED_S))
                os.killpg(survey.pid, signal.SIGCONT)
                await asyncio.sleep(2)
    report.counts["answered"] += len(came.at_s)
    report.counts["pauses"] += 1
    if (most := most_in_a_second(came.at_s)) > 2 * order.count:
        report.failed("rate", f"{most} in one second after a pause, at a rate of {order.count}")


class Arrivals:
    """The times at which requests came."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.at_s: list[float] = []

    def note(self) -> None:
        """Note a request that comes now."""
        self.at_s.append(time.monotonic())
        self.first.set()


def most_in_a_second(came_s: list[float]) -> int:
    """Return the most requests that came within one second."""
    first = most = 0
    for last, moment_s in enumerate(came_s):
        while moment_s - came_s[first] > 1:
            first += 1
        most = max(most, last - first + 1)
    return most


@asynccontextmanager
async def answering(came: Arrivals) -> AsyncIterator[int]:
    """Answer on loopback while inside, and note when each request comes; yield the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            came.note()
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1_000) as server:
        yield int(server.sockets[0].getsockname()[1])


def write_targets(file: Path, host: str, count: int) -> None:
    file.write_text("".join(f"{host}/{number}\n" for number in range(count)), "ascii")


ATTACKS: dict[str, Attack] = {"survey_killed": killed, "survey_paused": paused}


if __name__ == "__main__":
    main(ATTACKS, longer_s=2 * LAST_RUN_S)
