"""Deadlines of a serving program: how often it looks at its connections, and how long each may be in its state.

One sweep over all connections enforces every deadline: a timer for each would nearly always be cancelled.

A connection of an aiohttp application is in one state at a time. Each state has a time limit, after which the
connection is aborted:

    IDLE    no request has begun
    HEAD    a head has begun and is not complete
    BODY    a body is not complete; the time begins again with each piece of it
    ANSWER  the application makes its answer: it has its own time limits
    WRITE   the peer does not read its answer
"""

from math import inf
from typing import NamedTuple

SWEEP_S = 0.25  # between two sweeps: a connection ends at most so long after its deadline
DRAIN_POLL_S = 0.02  # between two looks of a program that stops: whether its last connection has ended
SHORT_PATIENCE_S = 1.0  # for a peer that sends nothing, while there is hardly any memory for others
GRACE_S = 0.25  # for a head, or a handshake, to become complete before a new connection gets its memory


class TimeLimit(NamedTuple):
    """How long a connection may be in one state; `short_s` holds while the pool is short of memory."""

    usual_s: float
    short_s: float


IDLE = TimeLimit(75.0, SHORT_PATIENCE_S)
HEAD = TimeLimit(10.0, SHORT_PATIENCE_S)
BODY = TimeLimit(30.0, 30.0)
ANSWER = TimeLimit(inf, inf)
WRITE = TimeLimit(30.0, 30.0)
