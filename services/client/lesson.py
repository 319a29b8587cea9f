"""Running a lesson as a file: `python services/client/wget/await_.py`.

What a learner need not see stands here: which lab the lesson meets, how it is interrupted, how long it may take. In the
client's container the lesson meets the lab that is up. Elsewhere the lab's hosts cannot be reached, and their names
mean hosts of the Internet, so there it meets an embedded lab, which lives as long as the lesson does.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.client.defaults import TIMEOUT_S
from services.client.topology import Topology
from services.runtime.cli import OptionParser, add_loop_option, main_of
from services.runtime.errors import ProgramError
from services.runtime.settings import Environment

if TYPE_CHECKING:
    from typing import NoReturn

    from services.client.settings import ClientSettings
    from services.runtime.run import Stop

EMBEDDED = "lab.embedded"  # by name: the client does not import the lab, but on the host a lesson may start one


class NoLab(ProgramError):
    """A lesson has no lab to meet."""

    def __init__(self) -> None:
        super().__init__("there is no lab to meet: run it by the checkout's .venv/bin/python (make setup makes it)")


def run_lesson(
    wget: Callable[[str, int, Topology], Awaitable[None]],
    fetch_all: Callable[[Callable[[str], Any], Iterable[str]], Awaitable[None]],
) -> "NoReturn":
    """Run a lesson's own functions on the tutorial's hosts, and end the program with an exit code as the client's."""

    def program() -> int:
        from services.client.settings import TUTORIAL_HOSTS, ClientSettings
        from services.client.wget.tutorial import Edition, run_edition
        from services.runtime.run import run, until_stopped

        environment = Environment()
        parser = OptionParser(prog=name, description="A lesson of the lab: fetch the tutorial's three hosts.")
        add_loop_option(parser, default=environment.loop())
        loop = parser.parse_args().loop
        known = ClientSettings.from_environment(environment)

        async def main(stop: "Stop") -> int:
            async with lab_to_meet(known) as settings:
                edition = Edition(wget, fetch_all)
                work = run_edition(edition, TUTORIAL_HOSTS, settings.topology, timeout_s=TIMEOUT_S)
                return await until_stopped(work, stop)

        return run(main, loop=loop)

    name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=name))


def run_alone(work: Callable[[], None]) -> "NoReturn":
    """Run a lesson that meets no lab, and end the program."""

    def program() -> int:
        OptionParser(prog=name, description="A lesson of the lab; it has no options.").parse_args()
        work()
        return 0

    name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=name))


@asynccontextmanager
async def lab_to_meet(known: "ClientSettings") -> "AsyncIterator[ClientSettings]":
    """Give the settings of a lab that answers while inside. Raises NoLab.

    `known`: what the environment says; only the client's container knows where the lab's CA is.
    """
    if known.ca_file is not None:
        yield known
        return
    try:
        embedded = import_module(EMBEDDED)
    except ModuleNotFoundError as error:
        raise NoLab from error
    async with embedded.embedded_lab() as settings:
        yield settings
