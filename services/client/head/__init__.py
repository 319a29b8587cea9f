"""The head reader: the bytes of a response in, its head out, and a name for everything that is wrong with it.

Sans-I/O: nothing here knows of sockets, files or clocks. Whoever has bytes feeds them, in pieces of any size,
and gets the same head, or the same error at the same offset, however they were cut.

    reader = HeadReader()
    while (head := reader.feed(await read())) is None:
        ...                                          # and at the end of the stream: reader.eof()
    print(head.status, head.anomalies)

Read on in this order: `head` (what comes out), `anomalies` (the closed list of departures), `reader` (how the
two ways of reading are joined), `quick` (the common case, in a few calls), `careful` (every other case).
"""

from services.client.head.anomalies import Anomaly, Departure
from services.client.head.errors import (
    ClosedError,
    HeadError,
    HeadTooLargeError,
    MalformedHeadError,
    NotHttpError,
    TruncatedHeadError,
)
from services.client.head.head import Head, ResponseHead
from services.client.head.limits import Limits
from services.client.head.reader import HeadReader

__all__ = [
    "Anomaly",
    "ClosedError",
    "Departure",
    "Head",
    "HeadError",
    "HeadReader",
    "HeadTooLargeError",
    "Limits",
    "MalformedHeadError",
    "NotHttpError",
    "ResponseHead",
    "TruncatedHeadError",
]
