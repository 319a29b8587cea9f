"""The targets that have their record, in little memory: by line as long as the list is the same, else by target.

By line, a target takes 4 bytes (a CRC-32, in pages of lines that occur). Where the list has changed, lines say nothing
any more: then it takes 18 bytes, for 64 bits of a hash and a count, so that a list of ten million needs 180 MB. Each
record stands for one place in the list that has its target: a target that is listed twice and has one record is
fetched once more.
"""

import zlib
from array import array
from collections.abc import Callable, Iterable

PAGE = 1 << 14
SPARE = 1.5  # slots for each target: searches stay short
Shown = Callable[[str], str]


class DoneLines:
    """A checksum for each line that has its record, in pages. `shown`: a target as the records have it."""

    def __init__(self, shown: Shown = str) -> None:
        self.count = 0
        self._shown = shown
        self._pages: dict[int, array[int]] = {}

    def add(self, line: int, target: str) -> None:
        """Note that the target of this line has its record; the target is as the record has it."""
        page = self._pages.get(line // PAGE)
        if page is None:
            page = self._pages[line // PAGE] = array("I", bytes(4 * PAGE))
        page[line % PAGE] = checksum(target)
        self.count += 1

    def has(self, line: int, target: str) -> bool:
        """Return whether the target of this line has its record."""
        page = self._pages.get(line // PAGE)
        return page is not None and page[line % PAGE] == checksum(self._shown(target))

    def has_line(self, line: int) -> bool:
        """Return whether some target of this line has its record."""
        page = self._pages.get(line // PAGE)
        return page is not None and page[line % PAGE] != 0

    def are_of(self, targets: Iterable[tuple[int, str]]) -> bool:
        """Return whether every record is of the target that stands in its line now."""
        return sum(self.has(line, target) for line, target in targets) == self.count


class DoneTargets:
    """How many records each target has: an open-addressed hash table, as large as it has to be and no larger."""

    def __init__(self, most: int, shown: Shown = str) -> None:
        self._shown = shown
        self._slots = int(most * SPARE) + 1
        self._hashes = array("Q", bytes(8 * self._slots))
        self._counts = array("I", bytes(4 * self._slots))

    def add(self, target: str) -> None:
        """Count a record; the target is as the record has it."""
        wanted = hash_of(target)
        slot = self._slot(wanted)
        self._hashes[slot] = wanted
        self._counts[slot] += 1

    def take(self, target: str) -> bool:
        """Return whether a target has a record that stands for no other place in the list yet."""
        slot = self._slot(hash_of(self._shown(target)))
        if not self._counts[slot]:
            return False
        self._counts[slot] -= 1
        return True

    def _slot(self, wanted: int) -> int:
        """Return where a hash is, or would be."""
        slot = wanted % self._slots
        while self._hashes[slot] not in (0, wanted):
            slot = (slot + 1) % self._slots
        return slot


def checksum(target: str) -> int:
    """Return a number that is never 0 and, where the input has changed, almost never the same."""
    return zlib.crc32(target.encode("utf-8", "surrogatepass")) or 1


def hash_of(target: str) -> int:
    """Return 64 bits that are never 0; of ten million targets, two are the same by a chance of 1 in 300,000."""
    from hashlib import blake2b  # it loads OpenSSL's, which only a list that has changed needs

    return int.from_bytes(blake2b(target.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") or 1


class SkipDone:
    """The targets that a resumed survey does not fetch again, of a list that can be read only once (a pipe).

    What comes later in it is not known, so it is taken by target alone: of a target with k records, k places are
    skipped, the first ones. The lines show, late and once, that the list has changed.
    """

    def __init__(self, lines: DoneLines, targets: DoneTargets, *, changed: Callable[[], object]) -> None:
        self._lines, self._targets, self._changed = lines, targets, changed
        self._is_reported = False

    def __call__(self, line: int, target: str) -> bool:
        """Return whether the target of this line is to be skipped."""
        if not self._is_reported and self._lines.has_line(line) and not self._lines.has(line, target):
            self._is_reported = True
            self._changed()
        return self._targets.take(target)
