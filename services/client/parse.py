"""`client parse`: reads one raw response head from a file or stdin, and prints the reader's verdict as JSON.

    client parse services/sites/recordings/www.sina.com.cn.http
    printf 'HTTP/1.1 200\\nServer : x\\n\\n' | client parse --strict

The verdict is one object on stdout: the head (exit 0), or why there is none (exit 1). A file that cannot be
read is one line on stderr (exit 3). What counts as a departure, and why: `services.client.head.anomalies`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.client.head import HeadError, HeadReader, Limits
from services.client.head.to_json import head_to_json
from services.client.options.programs import STDIN
from services.runtime.errors import InputUnreadable
from services.runtime.terminal import show

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """`file`: a path, or `-` for stdin; `strict`: refuse what departs from RFC 9112; limits of one head."""

    file: str
    strict: bool
    max_head: int
    max_fields: int


def run(options: Options) -> int:
    """Read the head and print the verdict; 0 for a head, 1 for none. Raises InputUnreadable."""
    try:
        verdict, code = read_verdict(options), 0
    except HeadError as error:
        verdict, code = {"error": error.kind, "detail": error.detail, "offset": error.offset}, 1
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputUnreadable(options.file, getattr(error, "strerror", None) or str(error)) from error
    show(json.dumps(verdict))  # ASCII: no head can drive a terminal
    return code


def read_verdict(options: Options) -> Mapping[str, object]:
    """Return the head as JSON's types. Raises HeadError, or OSError for a file that cannot be read."""
    reader = HeadReader(limits=Limits(max_head=options.max_head, max_fields=options.max_fields), strict=options.strict)
    source = 0 if options.file == STDIN else options.file
    # Unbuffered: each read returns what has come, so the verdict is there before the stream ends.
    with open(source, "rb", buffering=0, closefd=source != 0) as raw:
        while chunk := raw.read(CHUNK_BYTES):
            if head := reader.feed(chunk):
                return head_to_json(head)
    return head_to_json(reader.eof())
