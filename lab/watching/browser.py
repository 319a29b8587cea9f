"""A browser for the page, where a person is there to see it."""

import os
import shutil
import sys
from collections.abc import Mapping

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def has_browser(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this program was started at a terminal of a machine that shows windows.

    Without a display, Python's webbrowser would take a browser for terminals, in the place of this program's output.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    return sys.platform == "darwin" or bool(environ.get("BROWSER")) or any(map(environ.get, DISPLAYS))


def open_browser(url: str) -> bool:
    """Open a page, and return whether a browser took it. It blocks, and its errors are of no interest."""
    import webbrowser

    if sys.platform not in ("darwin", "win32") and not (os.environ.get("BROWSER") or shutil.which("xdg-open")):
        return False
    return webbrowser.open(url)
