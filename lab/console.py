"""Drawing on stdout with rich: as wide as the terminal, or as a page where stdout is no terminal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.runtime.terminal import show_by

if TYPE_CHECKING:
    from rich.console import Console


def draw_by(write: Callable[["Console"], object], *, pipe_columns: int) -> None:
    """Call `write` with a console. Raises OutputClosed or OutputFailed, as `show` does.

    The console only makes the text: where the reader of stdout has ended, rich would end the program with exit code 1.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = pipe_columns
    with console.capture() as drawn:
        write(console)
    show_by(lambda: print(drawn.get(), end="", flush=True))
