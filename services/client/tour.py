"""The client without a command: the tutorial's three programs, in its order.

On stdout is what the tutorial prints, and nothing else. Where stderr is a terminal, a person also sees there what to
look at in each program, then the picture of `client compare`, and what to try next.
"""

import sys
from dataclasses import dataclass
from typing import TextIO

from services.client import hello
from services.client.compare import wget as compare
from services.client.compare.picture import picture
from services.client.defaults import HELLO_USERS, PIPELINE_ITEMS
from services.client.pipeline import command as pipeline
from services.client.settings import ClientSettings
from services.client.trace.terminal import Terminal
from services.client.trace.terminal_chart import wrapped
from services.client.wget import tutorial as wget
from services.runtime.cli import INTERRUPTED
from services.runtime.run import Stop, until_stopped
from services.runtime.terminal import say

BOLD, RESET = "\x1b[1m", "\x1b[0m"
ORIGIN = "The programs of Liao Xuefeng's tutorial on async I/O, with the sites as they were when it was written:"
TUTORIAL = "https://liaoxuefeng.com/books/python/async-io/index.html"
HEADINGS = (  # one for each of PROGRAMS
    "1 of 3, wget: three sites are asked at once, and their heads come in the order in which they answer",
    "2 of 3, pipeline: producer and consumer take turns in one thread, with no lock and no queue",
    "3 of 3, hello: a hundred users wait for one thread at the same time; look at the wall time of them all",
)
WHY = "Why that is fast: the sites as slow as real ones, one after another and at once"
NEXT = "What to try next"


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout_s`: for each fetch, and for each user of hello."""

    timeout_s: float


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run all three and return the greatest exit code; a stop ends the one that runs, and the others do not start."""
    commentary = Commentary(settings, sys.stderr) if sys.stderr is not None and sys.stderr.isatty() else None
    worst = 0
    for heading, program in zip(HEADINGS, PROGRAMS, strict=True):
        if commentary:
            commentary.introduce(heading)
        worst = max(worst, await program(options, settings, stop))
        if stop.event.is_set():
            return worst
    if commentary and await until_stopped(commentary.conclude(timeout_s=options.timeout_s), stop) == INTERRUPTED:
        return INTERRUPTED
    return worst


async def run_wget(options: Options, settings: ClientSettings, stop: Stop) -> int:
    work = wget.fetch_all([], settings.topology, edition="await", timeout_s=options.timeout_s)
    return await until_stopped(work, stop)


async def run_pipeline(_options: Options, settings: ClientSettings, stop: Stop) -> int:
    return await pipeline.main(pipeline.Options(PIPELINE_ITEMS, quiet=True), settings, stop)


async def run_hello(options: Options, settings: ClientSettings, stop: Stop) -> int:
    return await hello.main(hello.Options(HELLO_USERS, options.timeout_s), settings, stop)


PROGRAMS = (run_wget, run_pipeline, run_hello)


class Commentary:
    """Prints on a terminal what explains the programs, before each of them and at the end."""

    def __init__(self, settings: ClientSettings, stream: TextIO) -> None:
        self._settings, self._stream = settings, stream

    def introduce(self, heading: str) -> None:
        """Print the heading of the program that runs next; before the first, where the programs come from."""
        if heading == HEADINGS[0]:
            say("\n".join([*wrapped(ORIGIN, self._terminal()), TUTORIAL]))
        self._print_heading(heading)

    async def conclude(self, *, timeout_s: float) -> int:
        """Draw the comparison of wget, if a site answered, and print what to try next."""
        self._print_heading(WHY)
        comparison = await compare.compare(self._settings, timeout_s=timeout_s)
        terminal = self._terminal()
        if any(comparison.answers):
            say(picture(comparison, terminal))
        self._print_heading(NEXT)
        for command, meaning in suggestions(self._settings.called):
            say("\n".join(wrapped(f"{command}  # {meaning}", terminal)))
        return 0

    def _print_heading(self, text: str) -> None:
        terminal = self._terminal()
        lines = wrapped(text, terminal)
        say("\n" + "\n".join(f"{BOLD}{line}{RESET}" if terminal.colour else line for line in lines))

    def _terminal(self) -> Terminal:
        """Return what the terminal can show now: its width may have changed."""
        return Terminal.of(self._stream)


def suggestions(called: str) -> list[tuple[str, str]]:
    """Return commands and what each shows, in 80 columns. `called`: what a person types to run the client here."""
    return [
        (f"{called} compare hello", "for users of the server"),
        (f"{called} compare pipeline", "where nothing waits"),
        (f"{called} wget https://www.sohu.com --ca lab", "by TLS"),
        ("ls docs/lessons*.md", "the programs as lessons, in English and in Chinese"),
    ]
