"""Running the application as a file: `python services/hello/app.py` serves it at the tutorial's address.

Where that port is taken, by the lab for example, it serves at any free port.
"""

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.runtime.cli import OptionParser, add_loop_option, main_of
from services.runtime.errors import PortUnavailable
from services.runtime.settings import Environment
from services.runtime.terminal import say

if TYPE_CHECKING:
    from typing import NoReturn

    from aiohttp import web

    from services.hello.settings import HelloSettings
    from services.runtime.http import Address
    from services.runtime.run import Stop

LOCALHOST = "127.0.0.1"


def run_lesson(make_app: "Callable[[HelloSettings], web.Application]") -> "NoReturn":
    """Serve an application until ^C, and end the program. HELLO_HOST and HELLO_PORT name another address."""
    sys.exit(main_of(lambda: program(make_app), name="app.py"))


def program(make_app: "Callable[[HelloSettings], web.Application]") -> int:
    """Read the environment and the command line, and serve."""
    from services.hello.settings import HelloSettings
    from services.hello.workers import announce
    from services.runtime.run import run
    from services.runtime.serving.serve import serve_app

    environment = Environment()
    settings = HelloSettings.from_environment(environment)
    parser = OptionParser(prog="app.py", description="A lesson of the lab: the tutorial's server.")
    add_loop_option(parser, default=settings.loop)
    loop = parser.parse_args().loop
    host = environment.text("HELLO_HOST", LOCALHOST)
    where = free_address(settings.where._replace(host=host), is_named=bool(environment.text("HELLO_PORT", "")))
    settings = dataclasses.replace(settings, where=where, loop=loop)

    async def serve(stop: "Stop") -> int:
        async with serve_app(make_app(settings), settings.where, drain_s=settings.drain_s) as address:
            announce(address)
            await stop.event.wait()
        return 0

    return run(serve, loop=loop)


def free_address(where: "Address", *, is_named: bool) -> "Address":
    """Return `where`, or any free port of its host (0) where it is taken. `is_named`: HELLO_PORT asks for this port."""
    from services.runtime.serving.listen import bind_socket

    if is_named:
        return where
    try:
        bind_socket(where).close()
    except PortUnavailable as error:
        say(f"app.py: {where} is not free ({error.reason}): it serves at another port")
        return where._replace(port=0)
    return where
