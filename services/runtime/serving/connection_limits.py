"""What the connections of an aiohttp application may cost: bytes of its memory pool, and seconds of waiting.

A connection is in one state at a time. Each state has a time limit, after which the connection is aborted:

    IDLE    no request has begun
    HEAD    a head has begun and is not complete
    BODY    a body is not complete; the time begins again with each piece of it
    ANSWER  the application makes its answer: it has its own time limits
    WRITE   the peer does not read its answer
"""

from math import inf
from typing import NamedTuple

KIB = 1024
PROCESS_BYTES = 48 * KIB * KIB  # the program with its libraries
CONNECTION_BYTES = 32 * KIB  # an open connection: aiohttp's objects, those of one request, and FREE_BYTES
FREE_BYTES = 4 * KIB  # of a request, before more is charged
HEAD_COPIES = 3  # an incomplete head, as aiohttp's parser holds it, and what the allocator cannot give back
BODY_COPIES = 4  # the pieces of a body, the whole of it, and what the application makes of it
MAX_HEAD_BYTES = 32 * KIB
MAX_BODY_BYTES = 1024 * KIB  # aiohttp's own limit: an application that allows more has to be charged for it
LINGER_BYTES = 64 * KIB  # of a body, after the last answer: reading more of it would be work without a use
SPARE_CONNECTIONS = 64  # for the health check on this machine, however full the pool is

HEAD_GRACE_S = 0.25  # for a head to become complete, while there is no memory for a new connection
SWEEP_S = 0.25  # between two looks at the time limits


class TimeLimit(NamedTuple):
    """How long a connection may be in one state; `short_s` holds while the pool is short of memory."""

    usual_s: float
    short_s: float


IDLE = TimeLimit(75.0, 1.0)
HEAD = TimeLimit(10.0, 1.0)
BODY = TimeLimit(30.0, 30.0)
ANSWER = TimeLimit(inf, inf)
WRITE = TimeLimit(30.0, 30.0)
