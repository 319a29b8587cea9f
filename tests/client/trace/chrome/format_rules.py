"""The rules of the Trace Event Format that a reader such as Perfetto relies on, as its document states them.

`violations` returns what a list of events breaks, a line each; a valid one gives an empty list. It knows nothing of how
events are made.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

Event = dict[str, Any]
Track = tuple[int, int]
Interval = tuple[float, float, str]
"""When a slice begins and ends, and its name."""

NAMED = {"process_name", "thread_name"}


def events_of_file(text: str) -> list[Event]:
    """Return the events of a whole file, which is an array with one event a line."""
    lines = text.splitlines()
    assert lines[0] == "["
    assert lines[-1] == "]"
    assert all(line.endswith(",") for line in lines[1:-2])
    found: list[Event] = json.loads(text)
    assert [json.loads(line.removesuffix(",")) for line in lines[1:-1]] == found
    return found


def violations(events: Sequence[Event]) -> list[str]:
    """Return which rules these events break."""
    found = [problem for each in events for problem in of_one(each)]
    if found:
        return found
    intervals, problems = slices(events)
    return [*problems, *nesting(intervals), *arrows(events, intervals), *names(events, intervals)]


def of_one(event: Event) -> Iterator[str]:
    """Yield what is wrong with one event by itself."""
    for name, kind in (("ph", str), ("name", str), ("cat", str), ("pid", int), ("tid", int), ("ts", (int, float))):
        if not isinstance(event.get(name), kind):
            yield f"{event}: {name}"
            return
    args = event.get("args", {})
    match event["ph"]:
        case "X" if not event.get("dur", -1) >= 0:
            yield f"{event}: a complete event has a length"
        case "C" if not args or not all(type(each) in (int, float) for each in args.values()):
            yield f"{event}: a counter has numbers"
        case "i" if event.get("s") not in {"g", "p", "t"}:
            yield f"{event}: an instant has a scope"
        case "M" if event["name"] in NAMED and not isinstance(args.get("name"), str):
            yield f"{event}: a name is a text"
        case "s" | "f" if "id" not in event:
            yield f"{event}: an arrow has an id"
        case ph if ph not in set("BEXCiMsf"):
            yield f"{event}: no such kind"


def slices(events: Sequence[Event]) -> tuple[dict[Track, list[Interval]], list[str]]:
    """Return the slices of each track, in the order of the file, and which B and E are out of order."""
    found: dict[Track, list[Interval]] = defaultdict(list)
    open_slices: dict[Track, list[tuple[float, str, int]]] = defaultdict(list)
    last: dict[Track, float] = {}
    problems = []
    for event in events:
        track, at = (event["pid"], event["tid"]), event["ts"]
        if event["ph"] == "X":
            found[track].append((at, at + event["dur"], event["name"]))
        elif event["ph"] in "BE":
            if at < last.get(track, at):
                problems.append(f"{event}: B and E of a track are in order")
            last[track] = at
            if event["ph"] == "B":
                open_slices[track].append((at, event["name"], len(found[track])))
                found[track].append((at, float("inf"), event["name"]))
            elif open_slices[track]:
                begin, name, place = open_slices[track].pop()
                found[track][place] = (begin, at, name)
            else:
                problems.append(f"{event}: nothing has begun that ends here")
    return found, problems


def nesting(intervals: dict[Track, list[Interval]]) -> Iterator[str]:
    """Yield which slices of a track overlap and do not nest; of equal begins, the first in the file is outside."""
    for track, found in intervals.items():
        outer: list[Interval] = []
        for begin, end, name in sorted(found, key=lambda each: each[0]):
            while outer and outer[-1][1] <= begin:
                outer.pop()
            if outer and end > outer[-1][1]:
                yield f"{track}: {name} {begin} to {end} is not inside {outer[-1]}"
            outer.append((begin, end, name))


def arrows(events: Sequence[Event], intervals: dict[Track, list[Interval]]) -> Iterator[str]:
    """Yield which arrows have not one beginning and one end, in this order, each in a slice."""
    ends: dict[tuple[str, object], dict[str, list[Event]]] = defaultdict(lambda: {"s": [], "f": []})
    for event in events:
        if event["ph"] in "sf":
            ends[event["cat"], event["id"]][event["ph"]].append(event)
            inside = intervals.get((event["pid"], event["tid"]), [])
            if not any(begin <= event["ts"] <= end for begin, end, _ in inside):
                yield f"{event}: it is in no slice"
    for key, both in ends.items():
        if len(both["s"]) != 1 or len(both["f"]) != 1:
            yield f"arrow {key}: {len(both['s'])} beginnings and {len(both['f'])} ends"
        elif both["f"][0]["ts"] < both["s"][0]["ts"]:
            yield f"arrow {key}: it ends before it begins"
        elif both["f"][0].get("bp") != "e" or both["f"][0]["name"] != both["s"][0]["name"]:
            yield f"arrow {key}: both ends have one name, and the second is bound to the slice around it"


def names(events: Sequence[Event], intervals: dict[Track, list[Interval]]) -> Iterator[str]:
    """Yield which processes and tracks have no name."""
    named = {(event["name"], event["pid"], event["tid"]) for event in events if event["ph"] == "M"}
    processes = {pid for kind, pid, _ in named if kind == "process_name"}
    yield from (f"process {pid} has no name" for pid in {event["pid"] for event in events} - processes)
    for pid, tid in intervals:
        if tid and ("thread_name", pid, tid) not in named:
            yield f"track {pid}, {tid} has no name"
