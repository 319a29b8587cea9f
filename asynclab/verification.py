"""What a test expects of the journal: how it is asked of the site, how long it is waited for, and how it fails.

The client under test may have its answer before its next request has reached the site, so an expectation that is not
met is asked again until a deadline. What more requests cannot mend, such as one too many, fails at once.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from asynclab.checks import printable
from asynclab.connection.admin import BUSY, CONFLICT, OK, Admin
from asynclab.connection.json_object import JsonObject

__tracebackhide__ = True

SHOWN_CHARACTERS = 200  # of each criterion
FIRST_PAUSE_S, MAX_PAUSE_S, GROWTH = 0.002, 0.05, 1.5


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of the exchanges of a host that meet `criteria`.

    `least` to `most` of them (`most` None: any number), `order`: exchanges one after another, anything between them,
    `at_once`: no more in progress at the same time.
    """

    host: str
    criteria: Mapping[str, object]
    least: int
    most: int | None
    order: Sequence[Mapping[str, object]] = ()
    at_once: int | None = None

    def as_json(self, since: int) -> Mapping[str, object]:
        """Return it as the admin API takes it. Entries up to `since` do not count."""
        match = {**self.criteria, "host": self.host}
        bounds = {"at_least": self.least} | ({} if self.most is None else {"at_most": self.most})
        order = [{**each, "host": self.host} for each in self.order]
        at_once = [] if self.at_once is None else [{"match": match, "at_most": self.at_once}]
        return {"since": since, "expect": [{"match": match, **bounds}], "order": order, "at_once": at_once}

    def unmet(self, failure: JsonObject) -> str:
        """Return what was expected, and what was found instead."""
        check, expected = failure.text("check"), failure.text("expected")
        if check.startswith("order"):
            step = int(check.removeprefix("order[").removesuffix("]"))
            return (
                f"expected {step_said(self.order[step])}, number {step + 1} of the order, as {expected}: there is none"
            )
        asked = said(self.criteria)
        return f"expected {expected}{' with ' * bool(asked)}{asked}, found {failure.whole('found', default=0)}"

    def can_be_met_yet(self, failure: JsonObject) -> bool:
        """Return whether more requests, or the ends of those that go on, could mend a failure."""
        check, found = failure.text("check"), failure.whole("found", default=0)
        if check.startswith("order"):
            return True
        in_progress = "ended" in self.criteria and self.criteria["ended"] is None
        return check.startswith("expect") and (found < self.least or in_progress)


def verify(admin: Admin, expectation: Expectation, *, since: int, timeout_s: float) -> None:
    """Return when the journal meets an expectation. Raises AssertionError at the deadline, LabGone, BadParameter."""
    began, pause_s = time.monotonic(), FIRST_PAUSE_S
    while True:
        status, answer = admin.ask("POST", "/journal/verify", expectation.as_json(since), host=expectation.host)
        waited_s = time.monotonic() - began
        if status == OK:
            return
        if status == CONFLICT:
            failures = answer.objects("failures")
            if waited_s >= timeout_s or not all(map(expectation.can_be_met_yet, failures)):
                raise AssertionError("\n".join(explain(expectation, failures, waited_s)))
        elif status != BUSY or waited_s >= timeout_s:  # a site works on a few of these at a time
            raise admin.refusal(status, answer, expectation.host)
        time.sleep(min(pause_s, timeout_s - waited_s))
        pause_s = min(MAX_PAUSE_S, pause_s * GROWTH)


def explain(expectation: Expectation, failures: Sequence[JsonObject], waited_s: float) -> Iterator[str]:
    """Yield the lines of the error."""
    for failure in failures:
        yield printable(f"{expectation.host}: {expectation.unmet(failure)}")
        if "reason" in failure:
            yield f"  {printable(failure.text('reason'))}"
        if "met" in failure:
            for met in failure.objects("met"):
                yield f"  {near_miss(met)}"
        for near in failure.objects("nearest"):
            yield f"  {near_miss(near)}"
    if waited_s >= FIRST_PAUSE_S:
        yield f"  waited {waited_s:.2f} s"
        if loop_runs_here():
            yield "  the event loop of this thread stood still meanwhile: await asyncio.to_thread(site.verify, ...)"


def step_said(step: Mapping[str, object]) -> str:
    """Return a step of an order as a test says it."""
    return cut(repr(step["target"])) if step.keys() == {"target"} else said(step)


def said(criteria: Mapping[str, object]) -> str:
    """Return criteria as a test says them."""
    return ", ".join(f"{cut(name)}={cut(repr(value))}" for name, value in criteria.items())


def cut(text: str) -> str:
    """Return text that is not too long for a line."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def near_miss(near: JsonObject) -> str:
    """Return an entry that comes near, in a line, with what it misses."""
    asked = f"{near.text('method')} {near.text('target')}" if "method" in near else "no whole request"
    shown = f"#{near.whole('entry')} {asked}, status {near.whole_or_none('status')}, {near.text_or_none('ended')}"
    misses = near.texts("misses")
    return printable(f"nearest: {shown}: {'; '.join(misses)}" if misses else f"found: {shown}")


def loop_runs_here() -> bool:
    """Return whether this thread runs an event loop of asyncio, without importing it."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None
