"""`--only 2xx,301,refused`: which records are written. All are counted, whatever is written of them."""

from collections.abc import Sequence
from typing import NamedTuple

from services.client.errors import KINDS
from services.client.survey.results.record import Record
from services.runtime.errors import BadSetting

CLASSES = frozenset(f"{first}xx" for first in range(10))  # RFC 9110 has five, and servers send others
EXPECTED = "a status (301), a class of them (2xx) or an error"


class RecordFilter(NamedTuple):
    """The statuses, as text, the classes of statuses and the errors of the records that are wanted."""

    statuses: frozenset[str]
    classes: frozenset[str]
    errors: frozenset[str]

    def has(self, record: Record) -> bool:
        """Return whether a record is wanted."""
        if record.head is None:
            return record.error in self.errors
        status = f"{record.head.status:03}"
        return status in self.statuses or f"{status[0]}xx" in self.classes


def read_only(words: Sequence[str]) -> RecordFilter:
    """Return what is wanted. Raises BadSetting for what is no status, class or error."""
    statuses, classes, errors = set(), set(), set()
    for word in words:
        if word in KINDS:
            errors.add(word)
        elif word.lower() in CLASSES:
            classes.add(word.lower())
        elif word.isascii() and word.isdigit() and len(word) == 3:
            statuses.add(word)
        else:
            raise BadSetting("--only", word, f"{EXPECTED} ({', '.join(sorted(KINDS))})")
    return RecordFilter(frozenset(statuses), frozenset(classes), frozenset(errors))
