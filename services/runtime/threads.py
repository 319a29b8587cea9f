"""Threads that the end of a program does not wait for."""

import threading
from collections.abc import Callable

from services.runtime.errors import NoThread


def start_thread(work: Callable[[], object], *, name: str) -> None:
    """Start a daemon thread. Raises NoThread."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except (RuntimeError, MemoryError) as error:  # RuntimeError: "can't start new thread"
        raise NoThread from error
