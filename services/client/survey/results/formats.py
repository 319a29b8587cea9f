"""How records are shown: for a person, as JSON lines, as a table, or as the very bytes that came.

Control characters of a server are escaped in `human` and `csv`, which go to terminals and spreadsheets. `raw` keeps
every byte, and so does `jsonl`: its `raw` has the bytes of every head that the reader had to make sense of.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.client.head import Head
from services.client.survey.options import Options
from services.client.survey.results.record import PHASES, Record, json_line, moment
from services.client.survey.results.selection import RecordFilter, read_only
from services.runtime.errors import BadSetting
from services.runtime.terminal import printable

SHOWN_FIELDS = (b"server", b"location", b"content-type")
COLUMNS = (
    "line",
    "target",
    "url",
    "ip",
    "http_version",
    "status",
    "reason",
    "error",
    "detail",
    "attempts",
    "hops",
    *(f"{phase}_ms" for phase in PHASES),
    "loop",
    "anomalies",
    "headers",
    "time",
    *(name.decode().replace("-", "_") for name in SHOWN_FIELDS),
)
TLS_COLUMNS = ("tls_subject", "tls_issuer", "tls_sans", "tls_not_after")
ALL_COLUMNS = (*COLUMNS, *TLS_COLUMNS)  # what --columns may ask for
FORMULA = ("=", "+", "-", "@")


class Format(NamedTuple):
    """A way to show records: what comes before the first, when the fetch of a host begins, and at its end.

    `has_errors`: whether an error is part of the output; otherwise it is a line on stderr.
    """

    opening: bytes
    begun: Callable[[str], bytes]
    ended: Callable[[Record], bytes]
    has_errors: bool
    only: RecordFilter | None = None

    def error_line(self, record: Record) -> str | None:
        """Return the line for stderr that tells why there is no head; None where it is in the output, or not wanted."""
        if record.error is None or self.has_errors or (self.only and not self.only.has(record)):
            return None
        return error_line(record)


def no_bytes(_host: str) -> bytes:
    return b""


def begun_human(host: str) -> bytes:
    """Return the tutorial's line for a fetch that begins."""
    return encoded(f"wget {printable(host)}...\n")


def human(record: Record) -> bytes:
    """Return the tutorial's lines of a head, which stay together."""
    if record.head is None:
        return b""
    host = printable(host_of(record))
    lines = [f"{host} header > {printable(line)}\n" for line in head_lines(record.head)]
    return encoded("".join(lines))


def head_lines(head: Head) -> list[str]:
    """Return the lines of a head as text, without line ends and the blank line."""
    lines = head.raw.decode("latin-1").strip("\r\n").split("\n")
    return [line.rstrip(" \t\r") for line in lines]  # str's own whitespace has controls and the end of "\xc3\xa0" in it


def host_of(record: Record) -> str:
    """Return the host, and the port if it is not the usual one, of the URL that gave the head, or else the target."""
    return record.target if record.url is None else record.url.split("/", 3)[2]


def error_line(record: Record) -> str:
    """Return the line that tells a person why there is no head."""
    return f"wget {printable(record.target)}: {record.error}: {printable(record.detail or '')}"


def raw(record: Record) -> bytes:
    """Return the bytes of a head, interim heads first, as they came."""
    return record.head.wire if record.head else b""


def csv_row(record: Record) -> bytes:
    return row(*cells(record))


def cells(record: Record) -> tuple[object, ...]:
    """Return the record as COLUMNS have it. `headers` is a cell of JSON, since values may hold any separator."""
    head = record.head
    times = ["" if seconds is None else f"{seconds * 1000:.3f}" for seconds in record.seconds()]
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in head.headers] if head else []
    return (
        record.line,
        cell(record.target),
        cell(record.url),
        record.ip,
        head and head.http_version,
        head and head.status,
        cell(head.reason.decode("latin-1")) if head else "",
        record.error,
        cell(record.detail),
        record.attempts,
        len(record.hops),
        *times,
        record.loop,
        " ".join(anomaly.name for anomaly in head.anomalies) if head else "",
        json.dumps(headers) if head else "",
        moment(record.began_s),
        *shown_fields(head),
    )


def tls_cells(record: Record) -> tuple[str, ...]:
    """Return the cells of TLS_COLUMNS. `tls_sans` is a cell of JSON, since names may hold any separator."""
    tls = record.tls
    if tls is None:
        return ("",) * len(TLS_COLUMNS)
    return cell(tls["subject"]), cell(tls["issuer"]), json.dumps(tls["sans"]), cell(tls["not_after"])


def shown_fields(head: Head | None) -> list[str]:
    """Return the cells of SHOWN_FIELDS; a field that came several times has its values joined (RFC 9110, 5.2)."""
    found: dict[bytes, list[bytes]] = {name: [] for name in SHOWN_FIELDS}
    for name, value in head.headers if head else ():
        if (values := found.get(name.lower())) is not None:
            values.append(value)
    return [cell(b", ".join(values).decode("latin-1")) for values in found.values()]


def cell(value: str | None) -> str:
    """Return text as a cell: no control characters, and nothing that a spreadsheet would run as a formula."""
    shown = printable(value or "")
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def row(*cells: object) -> bytes:
    """Return a line of CSV (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return encoded(line.getvalue())


def encoded(text: str) -> bytes:
    """Return text as UTF-8; what is no text (a surrogate from a bad argument) is escaped."""
    return text.encode("utf-8", "backslashreplace")


FORMATS = {
    "human": Format(b"", begun_human, human, has_errors=False),
    "jsonl": Format(b"", no_bytes, json_line, has_errors=True),
    "csv": Format(row(*COLUMNS), no_bytes, csv_row, has_errors=True),
    "raw": Format(b"", no_bytes, raw, has_errors=False),
}


def format_of(options: Options) -> Format:
    """Return the format that is asked for: with these columns, and of these records only. Raises BadSetting."""
    form = FORMATS[options.format]
    if options.columns:
        form = with_columns(options.columns)
    return with_only(form, read_only(options.only)) if options.only else form


def with_columns(columns: Sequence[str]) -> Format:
    """Return CSV with only these columns, in this order. Raises BadSetting."""
    if unknown := [name for name in columns if name not in ALL_COLUMNS]:
        raise BadSetting("--columns", unknown[0], f"among {', '.join(ALL_COLUMNS)}")
    indices = [ALL_COLUMNS.index(name) for name in columns]

    def ended(record: Record) -> bytes:
        every = (*cells(record), *tls_cells(record))
        return row(*(every[index] for index in indices))

    return FORMATS["csv"]._replace(opening=row(*columns), ended=ended)


def with_only(form: Format, only: RecordFilter) -> Format:
    """Return the format, which shows only some records. Which they are is not known when a fetch begins."""
    return form._replace(
        begun=no_bytes,
        ended=lambda record: form.ended(record) if only.has(record) else b"",
        only=only,
    )
