"""Running a lesson as a file: `python services/client/wget/await_.py`.

Here is what a learner does not need to see: which lab the lesson uses, how it is interrupted, how long it may take. In
the client's container, the lesson uses the lab that is up. Elsewhere, the lab's hosts cannot be reached, and their
names mean hosts of the Internet. So there the lesson uses an embedded lab, which is started and ended with the lesson.
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

EMBEDDED = "lab.embedded.program"  # by name: the client does not import the lab, but on the host a lesson may start one


class NoLab(ProgramError):
    """A lesson has no lab to use."""

    def __init__(self) -> None:
        super().__init__("no lab was found: run it by the checkout's .venv/bin/python (make setup makes it)")


def run_lesson(
    wget: Callable[[str, int, Topology], Awaitable[None]],
    fetch_all: Callable[[Callable[[str], Any], Iterable[str]], Awaitable[None]],
) -> "NoReturn":
    """Run the functions of a lesson on the tutorial's hosts, and end the program with an exit code of the client."""

    def program() -> int:
        from services.client.settings import TUTORIAL_HOSTS, ClientSettings
        from services.client.wget.edition import Edition, run_edition
        from services.runtime.run import run, until_stopped

        environment = Environment()
        parser = OptionParser(prog=name, description="A lesson of the lab: fetch the tutorial's three hosts.")
        add_loop_option(parser, default=environment.loop())
        loop = parser.parse_args().loop
        known = ClientSettings.from_environment(environment)

        async def main(stop: "Stop") -> int:
            async with lab_for_lesson(known) as settings:
                edition = Edition(wget, fetch_all)
                work = run_edition(edition, TUTORIAL_HOSTS, settings.topology, timeout_s=TIMEOUT_S)
                return await until_stopped(work, stop)

        return run(main, loop=loop)

    name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=name))


def run_alone(work: Callable[[], None]) -> "NoReturn":
    """Run a lesson that needs no lab, and end the program."""

    def program() -> int:
        OptionParser(prog=name, description="A lesson of the lab; it has no options.").parse_args()
        work()
        return 0

    name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=name))


@asynccontextmanager
async def lab_for_lesson(known: "ClientSettings") -> "AsyncIterator[ClientSettings]":
    """Yield the settings for a lab that runs while inside. Raises NoLab.

    `known`: the settings of the environment; only in the client's container do they have the lab's CA.
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
