"""The command line of every program: how options are refused, where text goes, what ends in which exit code.

Data goes to stdout through `show`, everything else to stderr through `say`. This module is imported before a program
knows what it will do, so it imports little: no event loop, no dataclasses.
"""

import argparse
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper

from services.runtime.errors import OutOfMemory, OutputClosed, OutputFailed, ProgramError
from services.runtime.interrupts import raise_at_interrupt
from services.runtime.names import LOOPS, VERSION
from services.runtime.text import printable

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from typing import NoReturn, TextIO

INTERRUPTED = 130
MOST_COLUMNS = 120
ESCAPED = "backslashreplace"


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter that imports nothing: argparse's own takes archive formats for the width, and textwrap for lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns() - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        lines = [""]
        for word in text.split():
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
        return lines


def columns() -> int:
    """Return how wide text for a person may be."""
    try:
        wide = int(os.environ.get("COLUMNS", "")) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (ValueError, AttributeError, OSError):
        wide = 80
    return max(40, min(wide, MOST_COLUMNS))


class OptionParser(argparse.ArgumentParser):
    """An ArgumentParser whose refusals are one line, with exit code 2."""

    def error(self, message: str) -> "NoReturn":
        """Say what is wrong and where help is."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_version_option(parser: argparse.ArgumentParser) -> None:
    """Declare --version, which every program has."""
    parser.add_argument("--version", action="version", version=f"asynclab {VERSION}", help="show it and exit")


def add_loop_option(parser: argparse.ArgumentParser, *, default: str) -> None:
    """Declare --loop, which every program has."""
    parser.add_argument("--loop", choices=LOOPS, default=default, help="event loop (LAB_LOOP; now %(default)s)")


def say(line: str) -> None:
    """Print a line for a person, to stderr; where it cannot be written, nobody reads it, and the work goes on."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def show(text: str) -> None:
    r"""Print data, to stdout, at once; what its encoding has no bytes for, as \xNN or \uNNNN.

    Raises OutputClosed where nobody reads it any more, OutputFailed where it cannot be written; both end the program.
    """
    show_by(lambda: print(text, flush=True))


def show_bytes(data: bytes) -> None:
    """Write data that is not text to stdout, as it is. Raises what `show` raises."""

    def write() -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    show_by(write)


def show_by(write: Callable[[], object]) -> None:
    """Let `write` print data to stdout. Raises what `show` raises."""
    stream = standard_output()
    try:
        write()
    except BrokenPipeError as error:
        _discard(stream)
        raise OutputClosed from error
    except OSError as error:
        _discard(stream)
        raise OutputFailed("standard output", error.strerror or str(error)) from error


def standard_output() -> "TextIO":
    """Return stdout. Raises OutputFailed where it is closed."""
    if sys.stdout is None:
        raise OutputFailed("standard output", "it is closed")
    show_what_can_be_shown()
    return sys.stdout


def _discard(stream: "TextIO") -> None:
    """Let the interpreter's own last flush succeed."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - pathlib is a slow import
        os.dup2(nowhere.fileno(), stream.fileno())


def hold_standard_descriptors() -> None:
    """See to it that no file or socket gets the number of a standard stream that is closed: using it fails instead."""
    for number, access in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)  # gets the lowest number that is free, which is this one


def show_what_can_be_shown() -> None:
    """Let stdout escape the characters that its encoding lacks, as stderr does, where it would refuse them."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors != ESCAPED:  # it may be closed
        sys.stdout.reconfigure(errors=ESCAPED)


def main_of(program: Callable[[], int], *, name: str) -> int:
    """Call `program` and return its exit code; what a person can mend is one line on stderr, never a traceback."""
    hold_standard_descriptors()
    show_what_can_be_shown()
    try:
        raise_at_interrupt()
        return program()
    except OutputClosed:
        return OutputClosed.exit_code
    except ProgramError as error:
        say(printable(f"{name}: {error}"))
        return error.exit_code
    except MemoryError:
        say(f"{name}: {OutOfMemory()}")
        return OutOfMemory.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
