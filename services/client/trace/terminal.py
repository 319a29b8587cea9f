"""The abilities of a terminal: its width, and whether it has Unicode and colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from services.runtime.settings import Environment
from services.runtime.terminal import USUAL_COLUMNS, columns

SHOWN = "█─│…"  # the characters of pictures
PLAIN_LOCALES = {"C", "POSIX"}
COERCED = "C.UTF-8"  # the locale that Python itself sets in place of C (PEP 538)


@dataclass(frozen=True, slots=True)
class Terminal:
    """`columns`: of a line; `unicode`: whether it shows more than ASCII; `colour`: whether it is coloured.

    `encoding`: of what is written to it.
    """

    columns: int = USUAL_COLUMNS
    unicode: bool = True
    colour: bool = False
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream: TextIO, variables: Mapping[str, str] | None = None) -> "Terminal":
        """Return what a stream can show, by itself and by these environment variables (None: the program's own)."""
        environment = Environment(variables)
        is_dumb = environment.text("TERM", "") == "dumb"
        encoding = getattr(stream, "encoding", None) or "ascii"
        is_terminal = stream.isatty()
        return cls(
            columns=columns(stream, told=environment.text("COLUMNS", "")) or USUAL_COLUMNS,
            unicode=not is_dumb and not is_plain(environment) and can_encode(SHOWN, encoding),
            colour=is_terminal and not is_dumb and not environment.text("NO_COLOR", ""),
            encoding=encoding,
        )


def is_plain(environment: Environment) -> bool:
    """Return whether the locale is one without Unicode, as the person set it."""
    whole, characters, language = (environment.text(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if not whole and characters == COERCED and language in PLAIN_LOCALES:
        return True
    return (whole or characters or language) in PLAIN_LOCALES


def can_encode(text: str, encoding: str) -> bool:
    """Return whether an encoding has bytes for a text."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
