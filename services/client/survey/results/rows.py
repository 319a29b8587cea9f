"""How a record that was written is read back, as much of it as a resumed survey needs: JSON lines, and rows of CSV."""

import json
import re
from typing import NamedTuple, Protocol

from services.client.survey.options import Options
from services.client.survey.results.formats import COLUMNS, cell, format_of
from services.client.survey.results.record import SCHEMA_VERSION

RECORD = re.compile(rb'\{"v": 1, "line": ([1-9][0-9]{0,14}), "target": ("(?:[^"\\\x00-\x1f]|\\.)*+"), .*\}\n')
CANCELLED = b'"error": "cancelled", "detail": '
LINE = re.compile(r"[1-9][0-9]{0,14}")
CELL = re.compile(r'(?:"((?:[^"]|"")*+)"|([^",\r\n]*+))(,|\n\Z)')


class Row(NamedTuple):
    """A record's line number and target, and whether it was cancelled."""

    line: int
    target: str
    is_cancelled: bool


class RowForm(Protocol):
    """How records are written in lines. `called` says what a line is; `header` comes before the first."""

    called: str
    header: bytes

    def read(self, row: bytes) -> Row:
        """Return what a whole line says. Raises ValueError for what is no record."""
        ...

    def is_record(self, row: bytes) -> bool:
        """Return whether a whole line is a record."""
        ...

    def could_begin(self, row: bytes) -> bool:
        """Return whether a line that was torn off is the beginning of a record."""
        ...

    def target(self, text: str) -> str:
        """Return a target as a record has it."""
        ...


class JsonLines:
    """Records as `--format jsonl` writes them."""

    called = f"a record of schema version {SCHEMA_VERSION}"
    header = b""

    def read(self, row: bytes) -> Row:
        """Return what a line says. Raises ValueError for what is no record."""
        found = RECORD.fullmatch(row)
        if found is None:
            raise ValueError("not in the form of a record")
        is_cancelled = CANCELLED in row[-120:] and json.loads(row).get("error") == "cancelled"
        return Row(int(found[1]), json.loads(found[2]), is_cancelled)

    def is_record(self, row: bytes) -> bool:
        """Return whether a line has a record's form."""
        return RECORD.fullmatch(row) is not None

    def could_begin(self, row: bytes) -> bool:
        """Return whether a torn line is one of ours."""
        begin = b'{"v": %d, "line": ' % SCHEMA_VERSION
        return row.startswith(begin) or begin.startswith(row)

    def target(self, text: str) -> str:
        """Return the text itself: JSON keeps all of it."""
        return text


class CsvRows:
    """Records as `--format csv` writes them, with some columns."""

    called = "a row of these columns"

    def __init__(self, columns: tuple[str, ...], header: bytes) -> None:
        self.header = header
        self._count = len(columns)
        self._line, self._target, self._error = (columns.index(name) for name in ("line", "target", "error"))

    def read(self, row: bytes) -> Row:
        """Return what a line says. Raises ValueError for what is no record."""
        cells = split(row.decode("utf-8"))
        if len(cells) != self._count or not LINE.fullmatch(cells[self._line]):
            raise ValueError("not in the form of a record")
        return Row(int(cells[self._line]), cells[self._target], cells[self._error] == "cancelled")

    def is_record(self, row: bytes) -> bool:
        """Return whether a line has a record's form."""
        try:
            self.read(row)
        except ValueError:
            return False
        return True

    def could_begin(self, row: bytes) -> bool:
        """Return whether a torn line may be one of ours: behind the header, any may."""
        return b"\0" not in row

    def target(self, text: str) -> str:
        """Return the text as a cell: escaped, and no formula."""
        return cell(text).encode("utf-8", "backslashreplace").decode("utf-8")


def split(row: str) -> list[str]:
    """Return the cells of a whole line of CSV (RFC 4180). Raises ValueError for what is none.

    Python's csv refuses a cell of 128 KiB, which the fields of a large head pass, unless the limit is raised for all
    that runs in the process. What bounds a row here is how long a line may be.
    """
    cells, end = [], 0
    while end < len(row):
        found = CELL.match(row, end)
        if found is None:
            raise ValueError("not in the form of a row")
        quoted, plain, _ = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        end = found.end()
    if not row.endswith("\n"):
        raise ValueError("not a whole row")
    return cells


def row_form(options: Options) -> RowForm:
    """Return how the records of a survey that can be resumed are written."""
    if options.format == "jsonl":
        return JsonLines()
    return CsvRows(tuple(options.columns) or COLUMNS, format_of(options).opening)
