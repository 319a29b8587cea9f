"""How a chaos run is getting on: a line of a terminal that is kept up to date, else a line now and then."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.compose.stack import Say

VIEW_EVERY_S = 0.5
LINE_EVERY_S = 10.0


@contextmanager
def showing(say: Say) -> Iterator[tuple[Say, float]]:
    """Have a way to show the state while inside, and the seconds from one time to the next."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield say, LINE_EVERY_S
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda line: status.update(Text(line, overflow="ellipsis", no_wrap=True)), VIEW_EVERY_S


async def tell_on(sentence: Callable[[], str], say: Say) -> None:
    """Show the state until it is cancelled."""
    with showing(say) as (show, every_s):
        while True:
            await asyncio.sleep(every_s)
            show(sentence())
