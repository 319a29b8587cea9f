"""The storm: all lanes of a schedule at once against a lab, while a healthy client measures its answers.

`aftermath` follows when the load has stopped.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lab.bench.chaos.clients.container import Client
from lab.bench.chaos.engine import Moment, Watch, docker
from lab.bench.chaos.found import BACK_WITHIN_S, SLACK_S, Found, Held, Recovery
from lab.bench.chaos.own_lab import Recordings
from lab.bench.chaos.schedule import CHANGED, GOOD, RESTART, WORKER, Step
from lab.bench.chaos.service import Service
from lab.bench.errors import BenchFailed

FIRST_ANSWERS_S = 20.0
ATTACK_ENDS_S = 300.0
LOOK_EVERY_S = 1.0
DEATH_S = 5.0
NOTICED_S = 2.0  # a process short of memory fails for a while before it is killed
BY_ITSELF = "an end of its own"
BY_THE_ENGINE = (
    "containers were killed and started again by the engine: only root, on the engine's own machine, can kill their "
    "processes, and only such an end shows that they come back by themselves"
)


class Storm:
    """One run: carries out a schedule, and notes what is found."""

    def __init__(
        self, services: Mapping[str, Service], recordings: Recordings, watch: Watch, found: Found, *, seconds: float
    ) -> None:
        self.services, self.recordings, self.watch, self.found = services, recordings, watch, found
        self.seconds = seconds
        self.doing: dict[str, str] = {}
        self.began_s = time.monotonic()
        self._expected: Counter[str] = Counter()
        self._seen = 0

    async def ask(self, client: Client) -> None:
        """Let a healthy client make requests, and note its answers, until its scripts are ended."""
        async for answer in client.run_healthy(list(self.services), self.seconds * 2 + 3_600):
            self.found.answers.append(answer)

    async def first_answers(self, wanted: set[str]) -> None:
        """Wait until each of these services has answered, and drop the answers until then. Raises BenchFailed."""
        last_s = time.monotonic() + FIRST_ANSWERS_S
        while missing := wanted - {answer.service for answer in self.found.answers if not answer.error}:
            if time.monotonic() > last_s:
                raise BenchFailed("chaos", why=f"before anything is done, {', '.join(sorted(missing))} does not answer")
            await asyncio.sleep(0.1)
        self.found.answers.clear()

    async def load(self, schedule: Sequence[Step], attacking: Client, other: Client) -> int:
        """Carry out the schedule, all lanes at once, and return 0."""
        self.began_s = time.monotonic()
        lanes: dict[str, list[Step]] = {}
        for step in schedule:
            lanes.setdefault(step.lane, []).append(step)
        try:
            async with asyncio.TaskGroup() as group:
                for lane, steps in lanes.items():
                    group.create_task(self.follow(lane, steps, attacking if lane == "connections" else other))
                group.create_task(asyncio.sleep(self.seconds))
        finally:
            self.found.seconds = time.monotonic() - self.began_s
            self.doing.clear()
        return 0

    async def follow(self, lane: str, steps: Sequence[Step], client: Client) -> None:
        """Do the steps of a lane one after the other, each at its time or later."""
        for step in steps:
            await asyncio.sleep(self.began_s + step.at_s - time.monotonic())
            is_late = time.monotonic() - self.began_s > self.seconds
            if is_late and step.kind != GOOD:  # a bad set of recordings does not stay
                return
            self.doing[lane] = f"{step.kind} {step.service}".rstrip()
            await self.do(step, client)
            self.doing.pop(lane, None)

    async def do(self, step: Step, client: Client) -> None:
        if step.lane == "ends":
            await self.end(step)
        elif step.lane == "reloads":
            await asyncio.to_thread(self.recordings.put, step.kind, seed=step.seed)
            self.found.reloads[step.kind] += 1
        else:
            with self.fault_window(step):
                await self.attack(step, client)

    async def attack(self, step: Step, client: Client) -> None:
        """Carry out an attack, and note what comes of it."""
        account = self.found.attack(step.kind)
        done = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(step.seconds + ATTACK_ENDS_S):
                async for event in client.attack(step):
                    if event["event"] == "failed":
                        account.failures.append((str(event["kind"]), f"{step.service}: {event['what']}"))
                    elif event["event"] == "done":
                        done = True
                        account.counts.update({name: n for name, n in event.items() if isinstance(n, int)})
        account.times += 1
        account.not_run += not done

    @contextmanager
    def fault_window(self, step: Step) -> Iterator[None]:
        """Open a window for a service whose only site gets plans of faults."""
        if step.kind not in {"faults", "refuse"} or step.name == CHANGED:
            yield
            return
        window = self.found.window(step.service, step.kind, begin_s=time.time())
        try:
            yield
        finally:
            window.end_s = time.time()

    async def end(self, step: Step) -> None:
        """End a service, or one of its workers, and wait until it is healthy again."""
        service = self.services[step.service]
        if not (await service.look()).get("Running"):
            return
        began_s = time.time()
        window = self.found.window(service.name, step.kind, begin_s=began_s)
        self._expected[service.name] = 1
        try:
            if step.kind == RESTART:
                await docker("restart", service.container)
            elif step.kind == WORKER:
                await service.kill_worker()
                if not await self.watch.next(service.name, "die", after_s=began_s, within_s=DEATH_S):
                    return
            elif not await service.kill():
                self.note(BY_THE_ENGINE)
            await self.recover(service, step.kind, began_s=began_s)
        finally:
            self._expected[service.name] = 0
            window.end_s = time.time()

    async def recover(self, service: Service, why: str, *, began_s: float) -> None:
        """Wait until a service is healthy again; start it where it does not come back by itself."""
        died = await self.watch.next(service.name, "die", after_s=began_s - SLACK_S, within_s=DEATH_S)
        began_s = died.at_s if died else began_s
        healthy = await self.healthy_again(service, after_s=began_s)
        by_itself = healthy is not None
        if healthy is None:
            await docker("start", service.container)
            healthy = await self.healthy_again(service, after_s=began_s)
        healthy_s = healthy.at_s if healthy else None
        self.found.recoveries.append(Recovery(service.name, why, began_s, healthy_s, by_itself))

    async def healthy_again(self, service: Service, *, after_s: float) -> Moment | None:
        """Return when a service was healthy again after an end; None if it was not in time."""
        return await self.watch.healthy_again(
            service.name, after_s=after_s, within_s=BACK_WITHIN_S, has_health=service.has_health
        )

    async def look_on(self) -> None:
        """Read the services' memory and the engine's events, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for service in self.services.values():
                    if memory := service.memory():
                        self.found.held.setdefault(service.name, Held()).note(memory)
                news, self._seen = self.watch.moments[self._seen :], len(self.watch.moments)
                for moment in news:
                    self.notice(moment, group)
                await asyncio.sleep(LOOK_EVERY_S)

    def notice(self, moment: Moment, group: asyncio.TaskGroup) -> None:
        """Note an event of a service; an end that chaos did not cause counts against the lab."""
        service = self.services.get(moment.service)
        if service is None:
            return
        if moment.what == "start":
            self.found.starts[service.name] += 1
            group.create_task(service.look())
        elif moment.what == "oom":
            self.found.out_of_memory.append(moment)
        elif moment.what == "die" and self._expected[service.name]:
            self._expected[service.name] -= 1
        elif moment.what == "die":
            self.found.deaths.append(moment)
            group.create_task(self.rescue(service, moment))

    async def rescue(self, service: Service, moment: Moment) -> None:
        """Wait until a service is healthy again that ended though chaos did not end it."""
        window = self.found.window(service.name, BY_ITSELF, begin_s=moment.at_s - NOTICED_S)
        try:
            await self.recover(service, BY_ITSELF, began_s=moment.at_s)
        finally:
            window.end_s = time.time()

    def note(self, text: str) -> None:
        """Add a note for the reader of the figures, once."""
        if text not in self.found.notes:
            self.found.notes.append(text)

    def sentence(self) -> str:
        """Return how far the run is, in a line."""
        errors = sum(answer.error is not None for answer in self.found.answers)
        kills = len(self.found.recoveries)
        doing = ", ".join(self.doing.values()) or "waiting until it is calm"
        return (
            f"{time.monotonic() - self.began_s:.0f} of {self.seconds:.0f} s, {len(self.found.answers):,} answers, "
            f"{errors:,} errors, {kills} ends; now: {doing}"
        )
