"""Signals that a program of this host handles: to be passed on, or to end it in order, as ^C does, once.

A service has `services.runtime.run` for that; a command of `lab` without an event loop has this.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def handled_by(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Have a function handle these signals inside. One that is ignored, as SIGHUP under nohup(1), stays so."""
    heeded = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in heeded}
    try:
        yield
    finally:
        for each, handler_before in before.items():
            signal.signal(each, handler_before)


@contextmanager
def interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Have the first of these signals raise KeyboardInterrupt inside; later ones do nothing, and the end is whole."""
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    with handled_by(interrupt, *numbers):
        yield
