"""Traces of any origin: each is drawn, without a number that is none, or refused in one line."""

import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.report.page import report_html
from services.client.report.words import LANGUAGES
from services.client.trace.chrome.reading import NotATrace, parse_trace
from services.client.trace.model import Trace
from tests.client.trace.chrome.hostile import CHANGES, Event, text_of, usual

NO_NUMBER = re.compile(r'\b(nan|inf|infinity)\b|(width|x|y)="-|[>(: ]-\d[\d.,]* (s|ms|µs)\b', re.IGNORECASE)
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    -0.5,
    0,
    1e15,
    1e17,
    1e308,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x" * 300,
    "\ud800",
    [],
    {},
)
DRAWN = {
    "a total of nothing",
    "tasks that end before they begin",
    "without ends",
    "parents that are their own children",
    "half characters",
    "names that move the cursor",
    "more runs than a page has room for",
}


def read(text: str) -> Trace | None:
    """Return the trace in a text, None where it was refused in one line."""
    try:
        return parse_trace(io.BytesIO(text.encode()), "t.json")
    except NotATrace as error:
        refused = error
    assert len(str(refused).splitlines()) == 1
    return None


def check_drawn(trace: Trace) -> None:
    """Check that a report on a trace has no number that is none, in both languages."""
    for language in LANGUAGES:
        page = report_html([trace, trace], title="a title", command="a command", language=language)
        assert page.encode()  # it can be printed
        assert not NO_NUMBER.search(page), NO_NUMBER.search(page)


@pytest.mark.parametrize("name", CHANGES)
def test_a_hostile_trace_is_drawn_or_refused(name: str) -> None:
    """What cannot have been is refused; what is only strange is drawn."""
    trace = read(text_of(name))
    if trace is not None:
        check_drawn(trace)
    if name in DRAWN:
        assert trace is not None, "a trace as this may come from a run that went wrong"


Edit = tuple[int, str, object]
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(usual()) - 1),
        st.sampled_from(["drop", "twice", "first", "ts", "dur", "pid", "tid", "name", "args", *"abcdefgh"]),
        st.sampled_from(ODD),
    ),
    min_size=1,
    max_size=4,
)


def edited(events: list[Event], edits: list[Edit]) -> list[Event]:
    """Return events after some edits; a letter stands for a member of the args, by its place."""
    for place, what, value in edits:
        index = place % len(events)
        event = events[index]
        args = event.get("args")
        if what == "drop" and len(events) > 1:
            del events[index]
        elif what == "twice":
            events.insert(index, event)
        elif what == "first":
            events.insert(0, events.pop(index))
        elif what in event:
            events[index] = event | {what: value}
        elif isinstance(args, dict) and args:
            name = sorted(args)["abcdefgh".find(what) % len(args)]
            events[index] = event | {"args": args | {name: value}}
    return events


@settings(max_examples=60, deadline=None)
@given(EDITS)
def test_a_trace_with_any_member_changed_is_drawn_or_refused(edits: list[Edit]) -> None:
    """Never a traceback: a few edits reach what no table thinks of."""
    text = "[\n" + ",\n".join(json.dumps(each) for each in edited(usual(), edits)) + "\n]\n"
    trace = read(text)
    if trace is not None:
        check_drawn(trace)
