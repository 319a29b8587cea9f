"""Going on where a survey was stopped, at whatever moment: which records its output holds, and where it ends.

The file is only read here, all of it; whether it may be cut is known after that. Cut off are a torn last line, which a
kill leaves, and the records from the first `cancelled` one on, which an interruption leaves: they are fetched again.
What is kept of a record is its line number and a checksum of its target (zlib's CRC-32): four bytes a line.
"""

import json
import os
import re
import zlib
from array import array
from typing import BinaryIO

from services.client.wget.records import SCHEMA_VERSION
from services.runtime.errors import ProgramError

PAGE = 1 << 14
MOST_LINE_BYTES = 64 * 1024 * 1024
RECORD = re.compile(rb'\{"v": 1, "line": ([1-9][0-9]{0,14}), "target": ("(?:[^"\\\x00-\x1f]|\\.)*+"), .*\}\n')
CANCELLED = b'"error": "cancelled", "detail": '


class NotResumable(ProgramError):
    """The output holds something else than records of this schema; it is left as it is."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot resume {name}: {reason}; it is left as it was")
        self.name, self.reason = name, reason


class Done:
    """The targets that have a record: a checksum for each line, in pages, so that only lines that occur take room."""

    def __init__(self) -> None:
        self.count = 0
        self.end = 0  # how many bytes of the file are whole records to be kept
        self._pages: dict[int, array[int]] = {}

    def add(self, line: int, target: str) -> None:
        """Note that this target has its record."""
        page = self._pages.get(line // PAGE)
        if page is None:
            page = self._pages[line // PAGE] = array("I", bytes(4 * PAGE))
        page[line % PAGE] = checksum(target)
        self.count += 1

    def has(self, line: int, target: str) -> bool:
        """Return whether the target of this line has its record."""
        page = self._pages.get(line // PAGE)
        return page is not None and page[line % PAGE] == checksum(target)


def checksum(target: str) -> int:
    """Return a number that is never 0 and, where the input has changed, almost never the same."""
    return zlib.crc32(target.encode("utf-8", "surrogatepass")) or 1


def read_done(file: BinaryIO, name: str) -> Done:
    """Return what an output holds. Raises NotResumable for any line that is no record of this schema."""
    done = Done()
    number = 0
    while row := file.readline(MOST_LINE_BYTES):
        number += 1
        if not row.endswith(b"\n"):
            if not could_begin_a_record(row):
                raise NotResumable(name, f"its end, line {number:,}, is not the beginning of a record")
            break  # torn
        try:
            line, target, is_cancelled = read_record(row)
        except ValueError as error:
            raise no_record(name, number) from error
        if is_cancelled:
            check_rest(file, name, number)
            break
        done.add(line, target)
        done.end += len(row)
    return done


def read_record(row: bytes) -> tuple[int, str, bool]:
    """Return a record's line number and target, and whether it was cancelled. Raises ValueError for what is none."""
    found = RECORD.fullmatch(row)
    if found is None:
        raise ValueError("not in the form of a record")
    is_cancelled = CANCELLED in row[-120:] and json.loads(row).get("error") == "cancelled"
    return int(found[1]), json.loads(found[2]), is_cancelled


def no_record(name: str, number: int) -> NotResumable:
    """Return the error for a line that is no record."""
    return NotResumable(name, f"line {number:,} is not a record of schema version {SCHEMA_VERSION}")


def check_rest(file: BinaryIO, name: str, number: int) -> None:
    """See that what is to be cut off holds records and nothing else. Raises NotResumable."""
    while row := file.readline(MOST_LINE_BYTES):
        number += 1
        if row.endswith(b"\n") and not RECORD.fullmatch(row):
            raise no_record(name, number)


def could_begin_a_record(row: bytes) -> bool:
    """Return whether a line that was torn off is one of ours."""
    begin = b'{"v": %d, "line": ' % SCHEMA_VERSION
    return row.startswith(begin) or begin.startswith(row)


def cut(fd: int, done: Done) -> None:
    """End the file after the records that are kept, and go there."""
    os.ftruncate(fd, done.end)
    os.lseek(fd, done.end, os.SEEK_SET)
