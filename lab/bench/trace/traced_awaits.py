"""Runs one contestant of `lab bench trace`: many tasks that wait for another turn, recorded in one way or another.

`python -m lab.bench.trace.traced_awaits NAME --loop LOOP -n AWAITS` prints what it measured of itself: the quickest of
a few passes, since what else the machine does only adds. The start of Python and the writing of a file are in no
figure: a recording is measured where it costs, in the loop.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Callable, Coroutine

from lab.bench.pipeline.sample import Sample
from lab.bench.trace.clocked import clocked_task
from services.client.trace.recorder import Recorder
from services.runtime.run import loop_factory

TASKS = 100
PASSES = 5

Run = Callable[[int], Coroutine[None, None, None]]
"""Does so many awaits, recorded or not."""


async def waits(count: int) -> None:
    """Wait for another turn, again and again."""
    for _ in range(count):
        await asyncio.sleep(0)


async def plain(count: int) -> None:
    """Do the awaits, in several tasks at once."""
    await asyncio.gather(*(waits(count // TASKS) for _ in range(TASKS)))


async def recorded(count: int) -> None:
    """Record them, without the places that are awaited."""
    await Recorder(places=False).record(plain(count))


async def recorded_with_places(count: int) -> None:
    """Record them, with places."""
    await Recorder().record(plain(count))


async def clocked(count: int) -> None:
    """Do the awaits in tasks that are wrapped by what only reads the clock."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(clocked_task)  # type: ignore[arg-type]
    try:
        await plain(count)
    finally:
        loop.set_task_factory(None)


async def monitored(count: int) -> None:
    """Note by `sys.monitoring` (Python 3.12) when each coroutine goes on and waits, which is less than we record."""
    monitoring, times = sys.monitoring, list[tuple[float, object]]()  # type: ignore[attr-defined,unused-ignore]
    events, tool = monitoring.events, monitoring.PROFILER_ID
    noted = (events.PY_START, events.PY_RESUME, events.PY_YIELD, events.PY_RETURN)

    def note(code: object, *_: object) -> None:
        times.append((time.perf_counter(), code))

    monitoring.use_tool_id(tool, "asynclab")
    for each in noted:
        monitoring.register_callback(tool, each, note)
    monitoring.set_events(tool, sum(noted))
    try:
        await plain(count)
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


async def traced_by_viztracer(count: int) -> None:
    """Trace them by viztracer, which records every call of a function."""
    from viztracer import VizTracer

    tracer = VizTracer(log_async=True, verbose=0, tracer_entries=20 * count)
    tracer.start()
    try:
        await plain(count)
    finally:
        tracer.stop()


CONTESTANTS: dict[str, tuple[Run, Run]] = {  # what is done first, and what is measured
    "plain": (plain, plain),
    "off": (recorded_with_places, plain),
    "clocked": (clocked, clocked),
    "recorded": (recorded, recorded),
    "places": (recorded_with_places, recorded_with_places),
    "monitoring": (monitored, monitored),
    "viztracer": (traced_by_viztracer, traced_by_viztracer),
}


async def measured(first: Run, run: Run, count: int) -> Sample:
    """Return what a contestant takes for the awaits, when it has run before."""
    await first(count)
    return min([await one_pass(run, count) for _ in range(PASSES)], key=lambda sample: sample.cpu_s)


async def one_pass(run: Run, count: int) -> Sample:
    gc.collect()
    began, cpu_began = time.perf_counter(), time.process_time()
    await run(count)
    return Sample(count, time.perf_counter() - began, time.process_time() - cpu_began)


def main() -> None:
    """Read the options, run, and print the sample."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("-n", type=int, required=True)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory(given.loop)) as runner:
        sample = runner.run(measured(*CONTESTANTS[given.name], given.n))
    print(sample.line())


if __name__ == "__main__":
    main()
