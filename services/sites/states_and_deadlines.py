"""The states of a connection: which event leads from one to the next, and which deadline ends each.

    HANDSHAKE  TLS is not agreed on yet
    IDLE       between two requests
    READING    a request has begun and is not whole; its body is a part of it
    SENDING    an answer is being sent, or a fault makes a pause in it
    BLOCKED    the peer has not taken what was sent
    SILENT     a fault sends nothing more
    RESETTING  the peer's system has not acknowledged every byte; the RST comes after the last
    LINGER     our side of the stream has ended (FIN), the peer's has not; to close at once could destroy what the peer
               has yet to read

A connection is in one state at a time. MOVES says which events a state has, and where each leads; an event that is not
in a state's row is a mistake of this program's. DEADLINES says how long a state may last and what happens then: one
sweep enforces them for all connections (see `listening.listeners`): a timer for each would be made only to be
cancelled. In RESETTING, `connection.reset` has a timer besides, and sends the RST at half the deadline at the latest.

Which deadline ends a dripping body:

- a request's body that comes byte by byte: READING. It has `head_timeout_s` from the request's first byte; each byte of
  the body adds a thousandth of a second (`extended`), and no more than what has passed is ever added.
- an answer that the peer takes byte by byte: BLOCKED. The clock begins anew with each write, of 64 KiB at most.
- an answer that a fault makes drip: none. SENDING has no deadline: each pause of a fault is an hour at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from services.runtime.serving.deadlines import SHORT_PATIENCE_S
from services.sites.settings import SitesSettings

MIN_BODY_BYTES_PER_S = 1000


class State(Enum):
    """What a connection waits for."""

    HANDSHAKE = auto()
    IDLE = auto()
    READING = auto()
    SENDING = auto()
    BLOCKED = auto()
    SILENT = auto()
    RESETTING = auto()
    LINGER = auto()

    __hash__ = object.__hash__  # Enum's own is written in Python, and takes longer than the rest of a look-up


class Event(Enum):
    """An event that can move a connection to another state."""

    SECURED = auto()  # TLS is agreed on
    BEGUN = auto()  # the first bytes of a request have come, and not all of it
    ANSWERED = auto()  # there is something to send: to a request, to a connection, or a refusal
    PAUSED = auto()  # the system has not taken all of a write
    RESUMED = auto()  # the system has taken all of it
    KEPT = auto()  # an answer is sent, and the connection stays open
    SILENCED = auto()  # a fault sends nothing more
    RESET = auto()  # a fault resets the connection
    ENDED = auto()  # our side of the stream ends

    __hash__ = object.__hash__


MOVES: Mapping[State, Mapping[Event, State]] = {
    State.HANDSHAKE: {
        Event.SECURED: State.IDLE,
        Event.ANSWERED: State.SENDING,  # a fault that comes before the connection has sent anything
        Event.SILENCED: State.SILENT,
        Event.ENDED: State.LINGER,
    },
    State.IDLE: {
        Event.BEGUN: State.READING,
        Event.ANSWERED: State.SENDING,
        # The answer to a known request is one write, and is sent without a change of state.
        Event.PAUSED: State.BLOCKED,
        Event.ENDED: State.LINGER,
    },
    State.READING: {Event.ANSWERED: State.SENDING},
    State.SENDING: {
        Event.PAUSED: State.BLOCKED,
        Event.KEPT: State.IDLE,
        Event.SILENCED: State.SILENT,
        Event.RESET: State.RESETTING,
        Event.ENDED: State.LINGER,
    },
    State.BLOCKED: {Event.RESUMED: State.SENDING},
    State.SILENT: {},
    State.RESETTING: {},
    State.LINGER: {},
}

WITHOUT_ANSWER = frozenset({State.HANDSHAKE, State.IDLE, State.READING, State.SILENT})
"""Nothing is on its way to the peer: a site that stops drops these at once."""
ANSWERING = frozenset({State.SENDING, State.BLOCKED, State.RESETTING})
"""An answer is on its way: a peer that ends its own side still gets it."""
DROPS_INPUT = frozenset({State.SILENT, State.LINGER})
"""Input from the peer is dropped."""


class Expiry(Enum):
    """What happens to a connection whose state has lasted too long."""

    DROP = auto()  # closed at once; what is written and not taken is lost
    REFUSE = auto()  # 408 Request Timeout, then LINGER


@dataclass(frozen=True, slots=True)
class StateLimit:
    """How long a state may last: `times` the setting.

    `short_of_room`: while there is hardly room for new connections, SHORT_PATIENCE_S at most.
    """

    setting: str
    expiry: Expiry = Expiry.DROP
    times: int = 1
    short_of_room: bool = False

    def seconds(self, settings: SitesSettings, *, short_of_room: bool) -> float:
        """Return how long the state may last."""
        seconds = float(getattr(settings, self.setting)) * self.times
        return min(seconds, SHORT_PATIENCE_S) if short_of_room and self.short_of_room else seconds


DEADLINES: Mapping[State, StateLimit] = {
    State.HANDSHAKE: StateLimit("head_timeout_s", short_of_room=True),
    State.IDLE: StateLimit("idle_timeout_s", short_of_room=True),
    State.READING: StateLimit("head_timeout_s", Expiry.REFUSE, short_of_room=True),
    State.BLOCKED: StateLimit("write_timeout_s"),
    State.SILENT: StateLimit("stall_timeout_s"),
    State.RESETTING: StateLimit("write_timeout_s", times=2),  # after one, the RST is sent all the same
    State.LINGER: StateLimit("linger_s", short_of_room=True),
}


def longest_s(settings: SitesSettings, *, short_of_room: bool) -> Mapping[State, float]:
    """Return how many seconds each state may last; `short_of_room`: there is hardly room for new connections."""
    return {
        state: limit.seconds(settings, short_of_room=short_of_room) if (limit := DEADLINES.get(state)) else float("inf")
        for state in State
    }


def extended(since: float, body_bytes: int, *, now: float) -> float:
    """Return since when a request counts as being read, after so many bytes more of its body have come."""
    return min(now, since + body_bytes / MIN_BODY_BYTES_PER_S)
