"""The command line of every program: its options, how wrong ones are refused, and which error gives which exit code.

Every program imports this first, and most uses of it end soon, so it imports little: no event loop, no dataclasses.
"""

import argparse
import sys
from collections.abc import Callable

from services.runtime.errors import NoFile, OutOfMemory, OutputClosed, ProgramError, lacks_files, lacks_memory
from services.runtime.interrupts import raise_at_interrupt
from services.runtime.settings import LOOPS, VERSION
from services.runtime.terminal import (
    USUAL_COLUMNS,
    columns,
    escape_unencodable_output,
    printable,
    reserve_standard_descriptors,
    say,
)

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130
MAX_HELP_COLUMNS = 120


def not_empty(what_to_do: str = "") -> Callable[[str], str]:
    """Return the type of an option that refuses an empty text, as of a shell variable that is not set.

    `what_to_do`: is said with the refusal.
    """

    def text_of(text: str) -> str:
        if not text:
            raise argparse.ArgumentTypeError(f"it is empty: {what_to_do}" if what_to_do else "it is empty")
        return text

    return text_of


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter without imports: argparse's own imports archive formats for the width, and textwrap for the lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(columns(sys.stdout) or USUAL_COLUMNS, MAX_HELP_COLUMNS) - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        lines = [""]
        for word in text.split():
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
        return lines


class OptionParser(argparse.ArgumentParser):
    """An ArgumentParser that refuses wrong options with one line and exit code 2."""

    @property
    def color(self) -> bool:
        """False: a help has no colours, on any Python; argparse has some since 3.14, and sets this."""
        return False

    @color.setter
    def color(self, wanted: bool) -> None:
        pass

    def error(self, message: str) -> "NoReturn":
        line = printable(f"{self.prog}: {message} (see {self.prog} --help)")  # it can have a person's words in it
        self.exit(2, f"{line}\n")


def add_version_option(parser: argparse.ArgumentParser) -> None:
    """Declare --version, which every program has."""
    parser.add_argument("--version", action="version", version=f"asynclab {VERSION}", help="show it and exit")


def add_loop_option(parser: argparse.ArgumentParser, *, default: str) -> None:
    """Declare --loop, which every program has."""
    parser.add_argument("--loop", choices=LOOPS, default=default, help="event loop (LAB_LOOP; now %(default)s)")


def main_of(program: Callable[[], int], *, name: str) -> int:
    """Call `program` and return its exit code; an error that a person can correct is one line, without a traceback."""
    reserve_standard_descriptors()
    escape_unencodable_output()
    try:
        raise_at_interrupt()
        return program()
    except OutputClosed:
        return OutputClosed.exit_code
    except ProgramError as error:
        say(printable(f"{name}: {error}"))
        return error.exit_code
    except (MemoryError, ImportError, OSError) as error:
        if not lacks_memory(error) and not lacks_files(error):
            raise
        lack = NoFile() if lacks_files(error) else OutOfMemory()
        say(f"{name}: {lack}")
        return lack.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
