"""Running a lesson of the pipeline as a file: `python services/client/pipeline/queue_.py`.

A lesson needs no lab: it runs on the tutorial's numbers, with the command's own output, ledger and exit code.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from services.client.pipeline.options import Options
from services.runtime.cli import OptionParser, add_loop_option, main_of
from services.runtime.settings import Environment

if TYPE_CHECKING:
    from typing import NoReturn

    from services.client.pipeline.edition import Edition

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
        return run(lambda stop: run_edition(edition, Options(edition=name), ClientSettings(), stop), loop=loop)

    file_name = Path(sys.argv[0]).name
    sys.exit(main_of(program, name=file_name))
