"""Shows how far a chaos run is: in one line of a terminal that is updated, elsewhere in a line at intervals."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.compose.stack import Say

VIEW_EVERY_S = 0.5
LINE_EVERY_S = 10.0


@contextmanager
def showing(say: Say) -> Iterator[tuple[Say, float]]:
    """Yield a function that shows the state, and how many seconds to wait before the next call."""
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
