"""Reading the members of an event that came from a file: each has its kind and its bounds, or the event is none."""

from datetime import UTC, datetime

from services.client.trace.chrome.events import Event
from services.client.trace.chrome.times import TICKS_IN_MICROSECOND
from services.client.trace.model import Clock, Dropped, Outcome, bounded

MOST_US = 1e16  # three hundred years
MOST_WHOLE = 2**31 - 1


class NotAnEvent(ValueError):
    """A member of an event is missing, or is what it cannot be; the text says which."""


def text(of: Event, name: str) -> str:
    """Return a text, bounded."""
    found = of.get(name)
    if not isinstance(found, str):
        raise NotAnEvent(f"its {name} is no text")
    return bounded(found)


def whole(of: Event, name: str) -> int:
    """Return a whole number that is not negative."""
    found = of.get(name)
    if type(found) is not int or not 0 <= found <= MOST_WHOLE:
        raise NotAnEvent(f"its {name} is no whole number from 0 to {MOST_WHOLE}")
    return found


def number(of: Event, name: str) -> float:
    """Return a number that is not negative, and no longer in microseconds than any time is."""
    found = of.get(name)
    if type(found) is not int and type(found) is not float:
        raise NotAnEvent(f"its {name} is no number")
    if found < 0:
        raise NotAnEvent(f"its {name} is negative")
    if not found <= MOST_US:  # also of what is not a number
        raise NotAnEvent(f"its {name} is larger than any time")
    return float(found)


def at(of: Event, name: str) -> int:
    """Return a time, or a length, in ticks."""
    return round(number(of, name) * TICKS_IN_MICROSECOND)


def flag(of: Event, name: str) -> bool:
    """Return whether something holds."""
    found = of.get(name)
    if not isinstance(found, bool):
        raise NotAnEvent(f"its {name} is neither true nor false")
    return found


def part(of: Event, name: str) -> Event:
    """Return an object in an event."""
    found = of.get(name)
    if not isinstance(found, dict):
        raise NotAnEvent(f"its {name} is no object")
    return found


def maybe_whole(of: Event, name: str) -> int | None:
    """Return a whole number, None for null."""
    return None if of.get(name) is None else whole(of, name)


def outcome(of: Event) -> Outcome | None:
    """Return how a task ended, None for null."""
    if of.get("outcome") is None:
        return None
    try:
        return Outcome(text(of, "outcome"))
    except ValueError as error:
        raise NotAnEvent("its outcome is none that a task can have") from error


def moment(of: Event, name: str) -> datetime:
    """Return a time of day in UTC."""
    try:
        found = datetime.fromisoformat(text(of, name))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # the latter: in UTC it is before the year 1, or after 9999
        raise NotAnEvent(f"its {name} is no time of day") from error


def clock(of: Event) -> Clock:
    """Return a reading of both clocks."""
    found = part(of, "clock")
    monotonic_s, unix_s, error_s = (number(found, f"{name}_us") / 1e6 for name in ("monotonic", "unix", "error"))
    return Clock(text(found, "boot"), monotonic_s, unix_s, error_s)


def dropped(of: Event) -> Dropped:
    """Return what was not recorded."""
    found = part(of, "dropped")
    return Dropped(*(whole(found, name) for name in ("tasks", "slices", "phases", "events")))
