"""Attacks on the admin side of a site, from inside a client's container: floods of changes, and costly questions.

Sent through stdin together with `lab.bench.chaos.clients.attack`, whose events it prints; see `inside`.
"""

import asyncio
import http.client
import json
import time
from contextlib import closing, suppress

from lab.bench.chaos.clients.attack import Attack, Connection, Order, RateLimiter, Report, Target, main, request

HTTP_PORT = 80
ANSWER_S = 30.0
CLEARING_S = 30.0
READERS = 8
EXPECTATIONS = 50


class Admin:
    """The admin side of a service, kept alive. Each call blocks: it is made in a thread."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._connection = http.client.HTTPConnection(order.host, order.port, timeout=ANSWER_S)

    def close(self) -> None:
        """End its connection."""
        self._connection.close()

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """Return the status and the JSON of an answer. Raises OSError, HTTPException or ValueError."""
        return await asyncio.to_thread(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: object) -> tuple[int, dict[str, object]]:
        try:
            data = None if body is None else json.dumps(body)
            self._connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = self._connection.getresponse()
            found = json.loads(answer.read(8 << 20))
        except BaseException:
            self._connection.close()
            raise
        return answer.status, found


UNANSWERED = (OSError, http.client.HTTPException, ValueError)
# A site that was restarted has no host until there is a set of recordings that it can play.
HOST_ABSENT = {404, 421}
PLANS: tuple[list[dict[str, object]], ...] = ([{"fault": "refuse"}], [])


class Changes:
    """Changes of one host's plan, one after the other, and what the changed site may answer.

    `confirmed` is the last change that was answered, 0 where it is not known which plan is in force: a service that was
    restarted may have the same plan as before, an older one, or none.
    """

    def __init__(self, order: Order, report: Report) -> None:
        self.order, self.report, self.admin = order, report, Admin(order)
        self.path = f"/faults/{order.site}"
        self.confirmed = self.asked = 0
        self.generation = 0
        self._limiter = RateLimiter(order.per_s)

    async def put(self, rules: list[dict[str, object]]) -> bool:
        """Put a plan in force; return whether that was answered. The answer has to hold the plan that was sent."""
        await self._limiter.wait()
        self.asked += 1
        try:
            status, found = await self.admin.ask("PUT", self.path, {"faults": rules})
        except UNANSWERED:
            self.report.counts["unanswered"] += 1
            self.confirmed = self.generation = 0
            return False
        self.report.counts["changes"] += 1
        generation, faults = found.get("generation"), found.get("faults")
        if status == 503:
            self.report.counts["turned_away"] += 1
            return False
        if status in HOST_ABSENT:
            self.report.counts["host_absent"] += 1
            self.confirmed = self.generation = 0
            return False
        if status != 200 or not isinstance(generation, int) or not isinstance(faults, list):
            self.report.failed("change", f"PUT {self.path} is answered {status}: {json.dumps(found)[:200]}")
            return False
        if generation <= self.generation or [each.get("fault") for each in faults] != [r["fault"] for r in rules]:
            self.report.failed("change", f"asked for {rules}, and got {json.dumps(found)[:200]}")
        self.confirmed, self.generation = self.asked, generation
        return True

    async def clear(self) -> None:
        """Clear the plan; try again until that is answered."""
        last_s = time.monotonic() + CLEARING_S
        with closing(Admin(self.order)) as admin:  # what was cut off may be in the middle of an answer on the other
            while time.monotonic() < last_s:
                with suppress(*UNANSWERED):
                    if (await admin.ask("DELETE", self.path))[0] == 200:
                        return
                await asyncio.sleep(0.5)
        self.report.failed("clear", f"{self.path} cannot be cleared")


async def faults(order: Order, report: Report) -> None:
    """Change a plan again and again, while others ask: no answer may mix two plans, or follow a replaced one."""
    changes = Changes(order, report)

    async def read_on() -> None:
        target = Target(order.host, HTTP_PORT)
        while True:
            oldest = changes.confirmed
            seen = await answered(target, order)
            if seen is None:
                report.counts["unanswered"] += 1
            elif oldest and changes.confirmed:
                status, number = seen
                report.counts["answered"] += 1
                if status != 500 + number % 100:
                    report.failed("torn", f"{status} with Retry-After {number} is of no plan, or of two")
                elif number < oldest:
                    report.failed("old", f"change {number} is obeyed after {oldest} was answered")
            await asyncio.sleep(0.01)

    async def change_on() -> None:
        while True:
            number = changes.asked + 1
            rule = {"fault": "status", "status": 500 + number % 100, "retry_after_s": number}
            if not await changes.put([rule]):
                await asyncio.sleep(0.5)

    try:
        async with asyncio.TaskGroup() as group:
            report.tell("opened")
            for work in (change_on(), *(read_on() for _ in range(READERS))):
                group.create_task(work)
    finally:
        changes.admin.close()
        await changes.clear()


async def answered(target: Target, order: Order) -> tuple[int, int] | None:
    """Return the status and Retry-After of an answer on a new connection; None where there is no answer."""
    connection = Connection()
    data = b""
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.open(await target.address())
            await connection.send(request(order, fields="Connection: close\r\n"))
            while b"\r\n\r\n" not in data:
                if not (piece := await connection.receive()):
                    return None
                data += piece
    except OSError:
        return None
    finally:
        connection.close()
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    after = [line.partition(b":")[2] for line in lines if line.lower().startswith(b"retry-after:")]
    return int(lines[0].split()[1]), int(after[0]) if after else 0


async def refuse(order: Order, report: Report) -> None:
    """Close a site's ports and open them, again and again: after each answer, connections have to show it."""
    changes = Changes(order, report)
    target = Target(order.host, HTTP_PORT)
    report.tell("opened")
    try:
        while True:
            for rules in PLANS:
                if not await changes.put(rules):
                    await asyncio.sleep(0.5)
                    continue
                closed = await is_refused(target)
                if closed is not bool(rules) and await still(changes):
                    state = {True: "refused", False: "accepted", None: "not answered"}[closed]
                    report.failed("refuse", f"a connection is {state} with the plan {rules} in force")
    finally:
        changes.admin.close()
        await changes.clear()


async def is_refused(target: Target) -> bool | None:
    """Return whether a connection is refused; None where nothing answers at all."""
    connection = Connection()
    try:
        await connection.open(await target.address())
    except ConnectionRefusedError:
        return True
    except OSError:
        return None
    finally:
        connection.close()
    return False


async def still(changes: Changes) -> bool:
    """Return whether the last plan is still in force: a service that was killed meanwhile has broken no promise."""
    try:
        _, found = await changes.admin.ask("GET", changes.path)
    except UNANSWERED:
        return False
    return found.get("generation") == changes.generation


async def verify(order: Order, report: Report) -> None:
    """Have fifty expectations checked, `count` at once; the journal's sums have to add up: kept + dropped = total."""
    expect = [{"match": {"host": order.site, "target": f"/{each}"}, "at_least": 1} for each in range(EXPECTATIONS)]

    async def go_on() -> None:
        with closing(Admin(order)) as admin:
            await verify_on(admin)

    async def verify_on(admin: Admin) -> None:
        while True:
            began_s = time.monotonic()
            try:
                status, found = await admin.ask("GET", "/journal?limit=0")
                if status == 200 and not adds_up(found):
                    report.failed("sums", f"kept + dropped is not total: {found}")
                status, _ = await admin.ask("POST", "/journal/verify", {"expect": expect})
                report.counts["turned_away" if status == 503 else "answered"] += 1
            except TimeoutError:
                report.failed("verify", f"no answer in {time.monotonic() - began_s:.0f} s")
            except UNANSWERED:
                report.counts["unanswered"] += 1
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        report.tell("opened")
        for _ in range(order.count):
            group.create_task(go_on())


def adds_up(found: dict[str, object]) -> bool:
    """Return whether a journal's counts are exact."""
    total, kept, dropped = (found.get(name) for name in ("total", "kept", "dropped"))
    return isinstance(kept, int) and isinstance(dropped, int) and kept + dropped == total


ATTACKS: dict[str, Attack] = {"faults": faults, "refuse": refuse, "verify": verify}


if __name__ == "__main__":
    main(ATTACKS)
