"""Running a lesson of the pipeline as a file: `python services/client/pipeline/editions/queue_.py`.

A lesson needs no lab: it runs on the tutorial's numbers, with the command's own output, ledger and exit code. Only its
work is another: it waits once, as work that asks a server would. Work that never waits keeps its consumer running until
the queue is empty, so that the other consumers would have nothing to do.
"""

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from services.client.pipeline.options import Options
from services.runtime.cli import OptionParser, add_loop_option, main_of
from services.runtime.settings import Environment

if TYPE_CHECKING:
    from typing import NoReturn

    from services.client.pipeline.edition import Edition, Emit, WorkOf
    from services.client.pipeline.items import Items
    from services.client.pipeline.ledger import Ledger
    from services.client.pipeline.stages import Item, Result, Work
    from services.client.settings import ClientSettings

COMMAND = "services.client.pipeline.command"  # by name: it imports the lessons, of which it has others than this file


def run_edition_alone(edition: "Edition", name: str) -> "NoReturn":
    """Run an edition on five numbers, and end the program."""

    def program() -> int:
        from services.client.settings import ClientSettings
        from services.runtime.run import run

        parser = OptionParser(prog=file_name, description="A lesson of the lab: the pipeline, on five numbers.")
        add_loop_option(parser, default=Environment().loop())
        loop = parser.parse_args().loop
        run_edition = import_module(COMMAND).run_edition
        taught = with_work_that_waits(edition)
        return run(lambda stop: run_edition(taught, Options(edition=name), ClientSettings(), stop), loop=loop)

    file_name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=file_name))


def with_work_that_waits(edition: "Edition") -> "Edition":
    """Return the edition with work that waits at one `await`, so that consumers take turns."""

    async def run(
        items: "Items",
        work_of: "WorkOf",
        emit: "Emit",
        *,
        ledger: "Ledger",
        options: Options,
        settings: "ClientSettings",
    ) -> None:
        await edition(items, lambda: waiting(work_of()), emit, ledger=ledger, options=options, settings=settings)

    return run


def waiting(work: "Work") -> "Work":
    """Return the work after a wait: the other tasks run meanwhile."""

    async def wait_and_work(item: "Item") -> "Result":
        await asyncio.sleep(0)
        return await work(item)

    return wait_and_work
