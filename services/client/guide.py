"""What a person at a terminal is told around the tutorial's three programs: what to look at, why, and what is next.

All of it goes to stderr: what the programs themselves print stays as it is.
"""

from typing import TextIO

from services.client.compare import wget as compare
from services.client.compare.picture import picture
from services.client.settings import ClientSettings
from services.client.trace.lanes import wrapped
from services.client.trace.terminal import Terminal
from services.runtime.command_line import say

BOLD, RESET = "\x1b[1m", "\x1b[0m"
TUTORIAL = "https://liaoxuefeng.com/books/python/async-io/index.html"
ORIGIN = "The programs of Liao Xuefeng's tutorial on async I/O, with the sites as they were when it was written:"
HEADINGS = (
    "1 of 3, wget: three sites are asked at once, and their heads come in the order in which they answer",
    "2 of 3, pipeline: producer and consumer take turns in one thread, with no lock and no queue",
    "3 of 3, hello: a hundred users wait for one thread at the same time; look at the wall time of them all",
)
WHY = "Why that is fast: the sites as slow as real ones, one after another and at once"
NEXT = "What to try next"


class Guide:
    """Says what a person may want to know, on a stream that is a terminal."""

    def __init__(self, settings: ClientSettings, stream: TextIO) -> None:
        self._settings, self._stream = settings, stream

    def introduce(self, number: int) -> None:
        """Say what to look at in the program of this number, from 0; before the first, where they are from."""
        if number == 0:
            say("\n".join([*wrapped(ORIGIN, self._terminal()), TUTORIAL]))
        self._head(HEADINGS[number])

    async def conclude(self, *, timeout_s: float) -> int:
        """Draw the comparison, where a site answered, and say what to try next."""
        self._head(WHY)
        comparison = await compare.compare(self._settings, timeout_s=timeout_s)
        terminal = self._terminal()
        if any(comparison.answers):
            say(picture(comparison, terminal))
        self._head(NEXT)
        for command, meaning in suggestions(self._settings.called):
            say("\n".join(wrapped(f"{command}  # {meaning}", terminal)))
        return 0

    def _head(self, text: str) -> None:
        terminal = self._terminal()
        lines = wrapped(text, terminal)
        say("\n" + "\n".join(f"{BOLD}{line}{RESET}" if terminal.colour else line for line in lines))

    def _terminal(self) -> Terminal:
        """Return what the terminal is now: a person may have made it wider."""
        return Terminal.of(self._stream)


def suggestions(called: str) -> list[tuple[str, str]]:
    """Return commands and what each is for, a line of 80 columns each. `called`: how the client is called here."""
    return [
        (f"{called} compare hello", "for users of the server"),
        (f"{called} compare pipeline", "where nothing waits"),
        (f"{called} wget https://www.sohu.com --ca lab", "by TLS"),
        ("ls docs/lessons*.md", "the programs as lessons, in English and in Chinese"),
    ]
