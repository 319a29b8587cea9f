"""Trace files that no run of this program writes: each is made of one that a run could write, by one change.

What reads them draws them, or refuses them in one line. Both readers, that of the client and that of the page, get all.
"""

import json
from collections.abc import Callable, Sequence

from services.client.trace.chrome.to_events import events_of
from tests.client.trace.chrome.traces import full

Event = dict[str, object]
Change = Callable[[list[Event]], Sequence[object]]
HUGE = 1e308
MANY = 200


def usual() -> list[Event]:
    """Return the events of a trace that a run could write."""
    found: list[Event] = json.loads(json.dumps(list(events_of(full()))))
    return found


def changed(name: str, value: object, *, ph: str = "", cat: str = "", to_args: bool = False) -> Change:
    """Return a change: a member of some events, those of a kind, becomes another one."""

    def change(events: list[Event]) -> list[Event]:
        for each in events:
            if (not ph or each["ph"] == ph) and (not cat or each["cat"] == cat):
                member = each.get("args") if to_args else each
                if isinstance(member, dict) and (name in member or not to_args):
                    member[name] = value(member.get(name)) if callable(value) else value
        return events

    return change


def titled(events: list[Event]) -> list[Event]:
    """Return so many processes with a title that no page shows a panel for each."""
    made = list[Event]()
    for number in range(MANY):
        copies = json.loads(json.dumps([each for each in events if each["pid"] == events[0]["pid"]]))
        made += [each | {"pid": number + 1} for each in copies if each["ph"] not in "sf"]
    return list(changed("title", "a run", to_args=True)(made))  # type: ignore[arg-type]


CHANGES: dict[str, Change] = {
    "a negative total": changed("total_us", -5e6, to_args=True),
    "a huge total": changed("total_us", HUGE, to_args=True),
    "a total of nothing": changed("total_us", 0, to_args=True),
    "a total that is a text": changed("total_us", "long", to_args=True),
    "negative times": changed("ts", lambda ts: -ts, ph="X"),
    "negative lengths": changed("dur", lambda dur: -dur, ph="X"),
    "huge lengths": changed("dur", HUGE, ph="X"),
    "times whose sum is infinite": changed("ts", HUGE, ph="X"),
    "lengths that are texts": changed("dur", "5", ph="X", cat="run"),
    "lengths that are objects": changed("dur", {}, ph="X", cat="run"),
    "lengths that are not a number": changed("dur", float("nan"), ph="X", cat="run"),
    "no lengths": changed("dur", None, ph="X"),
    "tasks that end before they begin": changed("ts", 0.0, ph="E"),
    "tasks that begin at the end": changed("ts", 1e15, ph="B"),
    "all at one moment": changed("ts", 1.0),
    "backwards": lambda events: events[::-1],
    "in the order of names": lambda events: sorted(events, key=lambda each: (str(each["name"]), str(each["ph"]))),
    "without beginnings": lambda events: [each for each in events if each["ph"] != "B"],
    "without ends": lambda events: [each for each in events if each["ph"] != "E"],
    "without metadata": lambda events: [each for each in events if each["ph"] != "M"],
    "all twice": lambda events: [*events, *events],
    "parents that are their own children": changed("parent", 1, to_args=True),
    "processes of odd numbers": changed("pid", -1.5),
    "tasks of odd numbers": changed("tid", None, ph="X"),
    "names that are objects": changed("name", {"toString": 1}),
    "kinds that are objects": changed("ph", {"toString": 1, "valueOf": 1}),
    "numbers of arrows that are objects": changed("id", {"toString": 1}, ph="s"),
    "args that are texts": changed("args", "args"),
    "args that are 0": changed("args", 0),
    "half characters": changed("name", "\ud800\udfff\ud800", ph="B"),
    "names that move the cursor": changed("name", "\x1b[2J\u202e\r\n\0", ph="B"),
    "depths of no queue": changed("depth", -HUGE, to_args=True),
    "depths beyond whole numbers": changed("depth", 10**30, to_args=True),
    "what is no event": lambda events: [*events, 1, None, "x", [], {}, {"ph": None}, {"pid": {}}],
    "more runs than a page has room for": titled,
}


def text_of(name: str) -> str:
    """Return the file after the change of this name."""
    return "[\n" + ",\n".join(json.dumps(each) for each in CHANGES[name](usual())) + "\n]\n"
