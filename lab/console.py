"""What rich draws on stdout: as wide as the terminal, or as fits a page where it goes elsewhere."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.runtime.terminal import show_by

if TYPE_CHECKING:
    from rich.console import Console


def draw_by(write: Callable[["Console"], object], *, pipe_columns: int) -> None:
    """Let `write` print on a console. Raises OutputClosed or OutputFailed, as `show` does."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = pipe_columns
    show_by(lambda: write(console))
