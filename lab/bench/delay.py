"""How exact the fault `delay` is. Eight connections make one request at a time each, so that nothing queues.

The fault is set through the sites' admin side, as `client faults set` does it. The figure is what a client sees: the
time from its request to the first byte, minus the delay of the fault.
"""

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import quantiles

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Group, Row
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say, interleaved

ASKED_S = 0.02
CONNECTIONS = 8
ADMIN_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0


def bench(servers: Mapping[str, Server], host: str, rounds: Rounds, say: Say) -> tuple[list[Group], list[str]]:
    """Return the error of a delay on each server, and a note for each server that cannot delay."""
    contestants: list[tuple[str, Callable[[], float]]] = []
    notes = []
    for name, server in servers.items():
        refusal = set_faults(server, host, [{"fault": "delay", "seconds": ASKED_S}])
        if refusal:
            notes.append(f"the error of a delay is not measured for {name}: {refusal}")
        else:
            contestants.append((name, partial(error_ms, server, host, rounds)))
    measured = interleaved(contestants, rounds.number, lambda line: say(f"sites, delay: {line}"))
    for name, _ in contestants:
        set_faults(servers[name], host, [])
    group = Group(
        title=f"sites, error of a delay of {ASKED_S * 1000:g} ms under light load, 99th percentile",
        unit="ms too late",
        rows=tuple(Row(name, tuple(values), ours=True) for name, values in measured.items()),
        reference="",
        higher_is_better=False,
    )
    return ([group] if contestants else []), notes


def set_faults(server: Server, host: str, rounds: list[dict[str, object]]) -> str:
    """Put a plan in force for a host; return why that failed, in words."""
    admin = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=ADMIN_TIMEOUT_S)
    try:
        admin.request("PUT", f"/faults/{host}", json.dumps({"faults": rounds}), {"Content-Type": "application/json"})
        answer = admin.getresponse()
        said = answer.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"its admin side does not answer ({error})"
    finally:
        admin.close()
    return "" if answer.status == 200 else f"its admin side answers {answer.status}: {said[:200]}"


def error_ms(server: Server, host: str, rounds: Rounds) -> float:
    """Return the 99th percentile of how much too late an answer began, in milliseconds."""
    each = max(13, round(rounds.seconds / ASKED_S))
    late = asyncio.run(ask_all(server, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), each))
    return quantiles(late, n=100, method="inclusive")[98] * 1000


async def ask_all(server: Server, request: bytes, each: int) -> list[float]:
    """Return by how many seconds each answer was late; `each`: requests a connection."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(server, request, each)) for _ in range(CONNECTIONS)]
    return [late for task in tasks for late in task.result()]


async def ask(server: Server, request: bytes, count: int) -> list[float]:
    """Ask on one connection, one request after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    late = []
    try:
        for _ in range(count):
            began = time.perf_counter()
            writer.write(request)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                first = await reader.readexactly(1)
                late.append(time.perf_counter() - began - ASKED_S)
                head = first + await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(content_length(head))
    except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
        raise BenchFailed("a delay", why=f"an answer did not come ({error or type(error).__name__})") from error
    finally:
        writer.close()
    return late


def content_length(head: bytes) -> int:
    """Return the length of the body that follows a head."""
    fields = [line.partition(b":") for line in head.split(b"\r\n")]
    return sum(int(value) for name, _, value in fields if name.lower() == b"content-length")
