"""^C during a program's imports: exit code 130, without a traceback.

A program calls `leave_at_interrupt` before its other imports; `cli.main_of` ends that with `raise_at_interrupt`.
"""

import os
import signal


def leave_at_interrupt() -> None:
    """Let ^C end the process at once. A ^C that is ignored, as in the background of a shell, stays ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def leave(number: int, _frame: object) -> None:
    """End the process without any cleaning up; the exit code is the one that a shell would give."""
    os._exit(128 + number)


def raise_at_interrupt() -> None:
    """Let ^C raise KeyboardInterrupt again, after `leave_at_interrupt`."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
