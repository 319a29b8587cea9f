"""`client parse`: reads one raw response head from a file or stdin, and prints the result as JSON.

    client parse services/sites/recordings/www.sina.com.cn.http
    printf 'HTTP/1.1 200\\nServer : x\\n\\n' | client parse --strict

The result is one object on stdout: the head (exit 0), or why there is none (exit 1). For a file that cannot be read,
there is one line on stderr (exit 3). The departures that are found: `services.client.head.anomalies`.
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
    """Read the head and print the result; 0 for a head, 1 for none. Raises InputUnreadable."""
    try:
        result, code = read_head(options), 0
    except HeadError as error:
        result, code = {"error": error.kind, "detail": error.detail, "offset": error.offset}, 1
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputUnreadable(options.file, getattr(error, "strerror", None) or str(error)) from error
    show(json.dumps(result))  # in ASCII: no head can send control characters to a terminal
    return code


def read_head(options: Options) -> Mapping[str, object]:
    """Return the head as JSON's types. Raises HeadError, or OSError for a file that cannot be read."""
    reader = HeadReader(limits=Limits(max_head=options.max_head, max_fields=options.max_fields), strict=options.strict)
    source = 0 if options.file == STDIN else options.file
    # Unbuffered: a read returns what has come, so the result is printed before the stream ends.
    with open(source, "rb", buffering=0, closefd=source != 0) as raw:
        while chunk := raw.read(CHUNK_BYTES):
            if head := reader.feed(chunk):
                return head_to_json(head)
    return head_to_json(reader.eof())
