"""Going on where a survey was stopped, at whatever moment: which records its output holds, and where it ends.

The file is only read here, all of it; whether it may be cut is known after that. Cut off are a torn last line, which a
kill leaves, and the records from the first `cancelled` one on, which an interruption leaves: they are fetched again.
How a record looks, as JSON or as a row, is in `rows`; what is remembered of each record, and how a change of the list
is noticed, in `completed`.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from services.client.survey.results.completed import DoneLines, DoneTargets
from services.client.survey.results.rows import RowForm
from services.runtime.errors import ProgramError

MAX_LINE_BYTES = 256 * 1024 * 1024  # a head of 16 MiB twice, each byte as six characters, and more


class NotResumable(ProgramError):
    """The output holds something other than records of this schema; it is left as it is."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot resume {name}: {reason}; it is left as it was")
        self.name, self.reason = name, reason


class WrittenRecords:
    """The contents of an output: so many records, in its first `end` bytes, and by line the targets that have one."""

    def __init__(self, file: BinaryIO, name: str, form: RowForm) -> None:
        self.end = 0
        self.lines = DoneLines(form.target)
        self._name, self._form = name, form
        self._read(file)

    @property
    def count(self) -> int:
        """How many records there are."""
        return self.lines.count

    def targets(self, file: BinaryIO) -> DoneTargets:
        """Return the targets that have a record, wherever in the list they stand; the file is read once more."""
        done = DoneTargets(self.count, self._form.target)
        rows = self._rows(file)
        for _ in range(self.count):
            done.add(self._form.read(next(rows)[1]).target)
        return done

    def _rows(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each line from 1, and the line; not the header. Raises NotResumable."""
        number = 0
        file.seek(0)
        while row := file.readline(MAX_LINE_BYTES):
            number += 1
            if number > 1 or not self._form.header:
                yield number, row
            elif not self._form.header.startswith(row):
                raise NotResumable(self._name, "its first line is not the header of these columns")

    def _read(self, file: BinaryIO) -> None:
        for number, row in self._rows(file):
            if not row.endswith(b"\n"):
                if len(row) == MAX_LINE_BYTES:
                    raise NotResumable(self._name, f"line {number:,} is longer than any record")
                if not self._form.could_begin(row):
                    raise NotResumable(self._name, f"its end, line {number:,}, is not the beginning of a record")
                break  # torn
            try:
                record = self._form.read(row)
            except ValueError as error:
                raise self._no_record(number) from error
            if record.is_cancelled:
                self._check_rest(file, number)
                break
            self.lines.add(record.line, record.target)
            self.end += len(row)
        if self.count:
            self.end += len(self._form.header)

    def _check_rest(self, file: BinaryIO, number: int) -> None:
        """See that what is to be cut off holds records and nothing else. Raises NotResumable."""
        while row := file.readline(MAX_LINE_BYTES):
            number += 1
            if row.endswith(b"\n") and not self._form.is_record(row):
                raise self._no_record(number)

    def _no_record(self, number: int) -> NotResumable:
        return NotResumable(self._name, f"line {number:,} is not {self._form.called}")


def cut(fd: int, end: int) -> None:
    """End the file after the records that are kept, and go there."""
    os.ftruncate(fd, end)
    os.lseek(fd, end, os.SEEK_SET)
