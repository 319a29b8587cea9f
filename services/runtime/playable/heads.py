"""Where the heads of a recorded response are: interim ones (1xx) may come before the final one.

101 is a final head: another protocol follows it, and no other head (RFC 9110, section 15.2.2). An empty line ends a
head, and a line of nothing but CRs is an empty line, as for curl.
"""

import re
from typing import NamedTuple

from services.runtime.playable import MAX_HEAD_BYTES, Unplayable

STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n")
HEAD_END = re.compile(rb"\n\r*+\n")


class Measures(NamedTuple):
    """Where the final head begins, after its status line, and after its blank line; its status and its version."""

    begin: int
    fields: int
    end: int
    status: int
    version: bytes


def measure_heads(raw: bytes, *, most: int = MAX_HEAD_BYTES) -> Measures:
    """Measure the heads that a response begins with, of `most` bytes together. Raises Unplayable where it has none."""
    begin = 0
    while True:
        line = STATUS_LINE.match(raw, begin)
        if not line:
            raise Unplayable(f"has no status line at byte {begin}: `HTTP/1.1 200 OK`, with or without a reason")
        end = HEAD_END.search(raw, line.end() - 1, most)
        if not end:
            raise Unplayable(f"no blank line ends its head within {most:,} bytes")
        status = int(line[3])
        if not 100 <= status < 200 or status == 101:
            return Measures(begin, line.end(), end.end(), status, line[1] + b"." + line[2])
        begin = end.end()
