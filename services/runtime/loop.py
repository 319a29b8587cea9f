"""The event loop is a choice: its name in, a factory out.

A factory and not a policy, since policies are deprecated from Python 3.14 on. The name of the loop that really
runs is asked of the loop itself, so that no result can claim another.
"""

import asyncio
from collections.abc import Callable

from services.runtime.errors import BadSetting, LoopMissing
from services.runtime.names import LOOPS


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes a loop of that name.

    Raises BadSetting for a name that is not in LOOPS, LoopMissing where uvloop is not installed.
    """
    if name == "asyncio":
        return asyncio.new_event_loop
    if name != "uvloop":
        raise BadSetting("loop", name, f"one of {', '.join(LOOPS)}")
    try:
        import uvloop
    except ImportError as error:
        raise LoopMissing(name) from error
    return uvloop.new_event_loop


def running_loop_name() -> str:
    """Return the name, as in LOOPS, of the loop that runs this."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
