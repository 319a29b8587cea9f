"""The client with no arguments: the tutorial's three programs, in its order.

On stdout is what the tutorial prints, and nothing else. A person at a terminal also sees, on stderr, what to look at in
each program, then the picture of `client compare`, and what to try next.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TextIO

from services.client import hello
from services.client.compare import wget as compare
from services.client.compare.picture import picture
from services.client.pipeline import command as pipeline
from services.client.settings import ClientSettings
from services.client.trace.lanes import wrapped
from services.client.trace.terminal import Terminal
from services.client.wget import tutorial as wget
from services.runtime.cli import INTERRUPTED
from services.runtime.run import Stop, until_stopped
from services.runtime.terminal import say

ITEMS = 5
USERS = 100


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout_s`: for each fetch."""

    timeout_s: float


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run all three and return the greatest exit code; a stop ends the one that runs and those that follow."""

    async def fetch() -> int:
        work = wget.fetch_all([], settings.topology, edition="await", timeout_s=options.timeout_s)
        return await until_stopped(work, stop)

    programs: tuple[Callable[[], Awaitable[int]], ...] = (
        fetch,
        lambda: pipeline.main(pipeline.Options(ITEMS), settings, stop),
        lambda: hello.main(hello.Options(USERS, options.timeout_s), settings, stop),
    )
    guide = None
    if sys.stderr is not None and sys.stderr.isatty():
        guide = Guide(settings, sys.stderr)
    worst = 0
    for number, program in enumerate(programs):
        if guide:
            guide.introduce(number)
        worst = max(worst, await program())
        if stop.event.is_set():
            return worst
    if guide and await until_stopped(guide.conclude(timeout_s=options.timeout_s), stop) == INTERRUPTED:
        return INTERRUPTED
    return worst


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
