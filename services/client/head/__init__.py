"""The head reader: the bytes of a response in, its head out, and a name for everything that is wrong with it.

Sans-I/O: nothing here knows of sockets, files or clocks. The caller feeds the bytes in pieces of any size. However
they are cut, the result is the same head, or the same error at the same offset.

    reader = HeadReader()
    while (head := reader.feed(await read())) is None:
        ...                                          # and at the end of the stream: reader.eof()
    print(head.status, head.anomalies)

Read on in this order: `head` (what comes out), `anomalies` (the closed list of departures), `reader` (heads one after
another), `fast_path` (the common case, in a few calls), `line_reader` (every other case, line by line), and where the
departures are found: `status_line`, `field_lines`, `framing` (of the content), `location`.
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
from services.client.head.fast_path import WholeHeads
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
    "WholeHeads",
]
