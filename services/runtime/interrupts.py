"""^C while a program's imports run: exit 130, and no traceback of a module that was half imported.

A program calls `leave_at_interrupt` ahead of its other imports; `cli.main_of` takes over with `raise_at_interrupt`.
"""

import os
import signal


def leave_at_interrupt() -> None:
    """Let ^C end the process at once. Where it is ignored, as in the background of a shell, it stays ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def leave(number: int, _frame: object) -> None:
    """End the process as it is, which has not done anything yet; the exit code is the one that a shell would give."""
    os._exit(128 + number)


def raise_at_interrupt() -> None:
    """Let ^C raise KeyboardInterrupt again, where it ended the process at once."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
