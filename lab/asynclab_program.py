"""The program `asynclab`: every command of the client, and `serve`, in one program that needs no checkout.

`asynclab serve` is `lab serve`; `asynclab wget ...` is `client wget ...`. Without a command it runs the tutorial's
programs in the lab that --lab or ASYNCLAB_URL names, and prints its help where none is named: the programs would fetch
from sites of the Internet then.
"""

import sys
from collections.abc import Sequence

from lab import cli
from services.client.options.commands import COMMANDS, TOUR
from services.runtime.cli import HelpFormatter, OptionParser, add_version_option, main_of
from services.runtime.settings import Environment

NAME, SERVE = "asynclab", "serve"
NO_PROGRAM = {"-h", "--help", "--version"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [SERVE]:
        return cli.main(words)
    return main_of(lambda: run_client(words), name=NAME)


def run_client(words: list[str]) -> int:
    """Run a command of the client; what begins with no command is help, --version or an error."""
    from services.client.cli import command_first, program

    environment = Environment()
    first = command_first(words)[:1]
    if (first and first[0] in COMMANDS) or is_tour(words, environment):
        return program(words, environment, prog=NAME, called=NAME)
    parser = OptionParser(
        prog=NAME, usage="%(prog)s COMMAND [OPTIONS]", description=help_text(), formatter_class=HelpFormatter
    )
    add_version_option(parser)
    if words and not words[0].startswith("-"):
        parser.error(f"no such command: {words[0][:40]!r}; there are {', '.join((SERVE, *COMMANDS))}")
    parser.parse_args(words)
    parser.print_help()
    return 0


def is_tour(words: Sequence[str], environment: Environment) -> bool:
    """Return whether options without a command name a lab, in which the tutorial's programs are to run."""
    if NO_PROGRAM.intersection(words) or (words and not words[0].startswith("-")):
        return False
    return any(word.partition("=")[0] == "--lab" for word in words) or bool(environment.text("ASYNCLAB_URL", ""))


def help_text() -> str:
    """Return the commands, a line each."""
    summaries = {SERVE: cli.COMMANDS[SERVE].summary, **{name: each.summary for name, each in COMMANDS.items()}}
    rows = [f"  {name:<12}{each}" for name, each in summaries.items()]
    return "\n".join(["commands (each has --help):", *rows, f"  {'--lab URL':<12}{TOUR.summary}, in that lab"])
