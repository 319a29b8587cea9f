r"""Output for people and for programs: standard streams, the width of a terminal, and text without control characters.

Data goes to stdout through `show`, everything else to stderr through `say`. Every program imports this first, so it
imports little: no event loop, no dataclasses.

`printable` escapes text of outside before it reaches a terminal or a log. It escapes the characters that move the
cursor, change the direction of the text around them, end a line, or are invisible, so that two names that look the same
are the same. Text in any script stays as it is, except joiners (U+200C, U+200D).
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import TextIOWrapper

from services.runtime.errors import OutputClosed, OutputFailed

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from typing import TextIO

MIN_COLUMNS, MAX_COLUMNS, USUAL_COLUMNS = 40, 200, 80
ESCAPE_ERRORS = "backslashreplace"  # an error handler of codecs

CONTROLS = (*range(0x20), *range(0x7F, 0xA0))  # C0, DEL, C1
INVISIBLE = (  # Unicode's format characters, except visible ones; line and paragraph separators; fillers
    *(0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5),
    *range(0x180B, 0x1810),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *(0x3164, 0xFEFF, 0xFFA0),
    *range(0xFFF9, 0xFFFC),
    *range(0x13430, 0x13440),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE0080),  # tags
)
SURROGATES = range(0xD800, 0xE000)  # from JSON; no encoding has bytes for them
# Bytes of a file's name that are not UTF-8 (PEP 383).
UNDECODED = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}


def say(line: str) -> None:
    """Print a line for a person, to stderr. If it cannot be written, the work goes on without it."""
    if sys.stderr is None or sys.stderr.closed:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def show(text: str) -> None:
    r"""Print data, to stdout, at once; characters that its encoding lacks as \xNN or \uNNNN.

    Raises OutputClosed where the reader has ended, OutputFailed where it cannot be written; both end the program.
    """
    show_by(lambda: print(text, flush=True))


def show_bytes(data: bytes) -> None:
    """Write bytes to stdout, unchanged. Raises what `show` raises."""

    def write() -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    show_by(write)


def show_by(write: Callable[[], object]) -> None:
    """Call `write`, which prints data to stdout. Raises what `show` raises."""
    stream = standard_output()
    try:
        write()
    except BrokenPipeError as error:
        _discard(stream)
        raise OutputClosed from error
    except OSError as error:
        _discard(stream)
        raise OutputFailed("standard output", error.strerror or str(error)) from error


def write_whole(fd: int, data: bytes) -> None:
    """Write all of it; a descriptor that another program made non-blocking is waited for. Raises OSError."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            import select

            select.select([], [fd], [])


def standard_output() -> "TextIO":
    """Return stdout. Raises OutputFailed where it is closed."""
    if sys.stdout is None:
        raise OutputFailed("standard output", "it is closed")
    escape_unencodable_output()
    return sys.stdout


def _discard(stream: "TextIO") -> None:
    """Replace a stream's file by /dev/null, so that the interpreter's last flush succeeds."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - pathlib is a slow import
        os.dup2(nowhere.fileno(), stream.fileno())


def reserve_standard_descriptors() -> None:
    """Open /dev/null in the place of each closed standard stream: else a file or a socket would get its number.

    It is opened for the other direction, so that a use of the stream fails.
    """
    for number, access in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)  # it gets the lowest free number, which is this one


def escape_unencodable_output() -> None:
    """Let stdout escape the characters that its encoding lacks, as stderr does; by default it raises an error."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors != ESCAPE_ERRORS:  # it may be closed
        sys.stdout.reconfigure(errors=ESCAPE_ERRORS)


def columns(stream: "TextIO | None", *, told: str | None = None) -> int | None:
    """Return how many columns a line on `stream` may have; None where it is no terminal and COLUMNS gives no number.

    `told`: the value of COLUMNS (None: that of the environment). It overrides the terminal's own width.
    """
    said = os.environ.get("COLUMNS", "") if told is None else told
    try:
        wide = int(said[:9]) if said.isascii() and said.isdigit() else 0
        wide = wide or os.get_terminal_size(stream.fileno()).columns  # type: ignore[union-attr]
    except (ValueError, AttributeError, OSError):
        return None
    return max(MIN_COLUMNS, min(wide or USUAL_COLUMNS, MAX_COLUMNS))


@cache  # made when it is first needed: most messages are ASCII, also the one that says that memory is short
def escapes() -> dict[int, str]:
    """Return the escape of each character that is escaped, by its number."""
    return dict(_escapes())


def _escapes() -> Iterator[tuple[int, str]]:
    yield from ((code, f"\\x{code:02x}") for code in CONTROLS)
    for code in (*INVISIBLE, *SURROGATES):
        yield code, f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    yield from UNDECODED.items()


def printable(text: str) -> str:
    r"""Return text with control characters, and bytes that are not UTF-8, as \xNN.

    Invisible characters, and those that change the direction of text, are \uNNNN or \UNNNNNNNN.
    """
    return text if text.isascii() and text.isprintable() else text.translate(escapes())
