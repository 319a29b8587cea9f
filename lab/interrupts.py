"""Signals that end a program of this host in order: as ^C does, once.

A service has `services.runtime.run` for that; a command of `lab` without an event loop has this.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Have the first of these signals raise KeyboardInterrupt inside; later ones do nothing, so that the end is whole.

    A signal that is ignored, as SIGHUP under nohup(1), stays so.
    """
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    heeded = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, interrupt) for each in heeded}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
