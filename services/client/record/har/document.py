"""The entries of a HAR file, read one after another: of a file of 256 MiB, only one entry at a time becomes objects."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from services.runtime.errors import ProgramError
from services.runtime.files.regular import read_regular
from services.runtime.untrusted import MAX_DIGITS, is_of_digits, object_of

MAX_HAR_BYTES = 256 * 1024 * 1024
SPACE = re.compile(r"[ \t\r\n]*")

Entry = dict[str, object]


class NoHar(ProgramError):
    """A file is no HAR file, or one that is not taken."""

    exit_code = 3

    def __init__(
        self, file: Path, reason: str, *, remedy: str = "save one from a browser's network panel (HAR 1.2)"
    ) -> None:
        super().__init__(f"{str(file)[:200]!r} {reason}: {remedy}")
        self.file, self.reason = file, reason


class NotJSON(ValueError):
    """A text breaks the rules of JSON, or is no HAR; the text of the error is the reason."""


def read_har(file: Path) -> Iterator[object]:
    """Yield each member of `log.entries`, which should be an object. Blocks. Raises NoHar."""
    try:
        raw = read_regular(file, most=MAX_HAR_BYTES)
    except OSError as error:
        raise NoHar(file, f"cannot be read ({error.strerror or error})") from error
    if len(raw) > MAX_HAR_BYTES:
        raise NoHar(file, f"has more than {MAX_HAR_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
        del raw
        yield from each_entry(text)
    except UnicodeDecodeError as error:
        raise NoHar(file, f"is not UTF-8 at byte {error.start:,}") from error
    except RecursionError as error:
        raise NoHar(file, "is nested too deeply") from error
    except NotJSON as error:
        raise NoHar(file, str(error)) from error
    except ValueError as error:
        reason = f"a number of more than {MAX_DIGITS:,} digits" if is_of_digits(error) else str(error)[:200]
        raise NoHar(file, f"is not JSON: {reason}") from error


def each_entry(text: str) -> Iterator[object]:
    """Yield each member of `log.entries` of a JSON text. Raises ValueError or RecursionError."""
    document = JSONText(text)
    has_entries = False
    for name in document.names():
        if name != "log":
            document.value()
            continue
        for member in document.names():
            if member != "entries":
                document.value()
                continue
            if has_entries:
                raise NotJSON("has `entries` twice")
            has_entries = True
            yield from document.members()
    document.end()
    if not has_entries:
        raise NotJSON("has no `log.entries`")


class JSONText:
    """A position in a JSON text, which goes on over names and values."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._decoder = json.JSONDecoder(object_pairs_hook=object_of, parse_constant=refuse_constant)

    def names(self) -> Iterator[str]:
        """Yield the names of the object that begins here; the caller reads each one's value before the next name."""
        self._expect("{")
        if self._is_next("}"):
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise NotJSON(f"is not JSON: no name at character {self._position:,}")
            self._expect(":")
            yield name
            if not self._is_next(","):
                break
        self._expect("}")

    def members(self) -> Iterator[object]:
        """Yield the members of the array that begins here."""
        self._expect("[")
        if self._is_next("]"):
            return
        yield self.value()
        while self._is_next(","):
            yield self.value()
        self._expect("]")

    def value(self) -> object:
        """Return the value that begins here."""
        self._skip_space()
        value: object
        value, self._position = self._decoder.raw_decode(self._text, self._position)
        return value

    def end(self) -> None:
        """Raise NotJSON if there is more."""
        self._skip_space()
        if self._position < len(self._text):
            raise NotJSON(f"is not JSON: more after its end, at character {self._position:,}")

    def _skip_space(self) -> None:
        if found := SPACE.match(self._text, self._position):
            self._position = found.end()

    def _is_next(self, character: str) -> bool:
        self._skip_space()
        if not self._text.startswith(character, self._position):
            return False
        self._position += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._is_next(character):
            raise NotJSON(f"is not JSON of a HAR file: no {character!r} at character {self._position:,}")


def refuse_constant(name: str) -> None:
    """Raise NotJSON: NaN and Infinity are none of JSON's numbers."""
    raise NotJSON(f"is not JSON: {name} is no number")
