"""The command `lab`: what the Makefile's verbs call.

Each command is declared in COMMANDS, and imports what it needs when it runs: `lab embedded` must not wait for the
libraries of `lab up`. Read `lab.stack` next, or `lab.embedded`.
"""

import os
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lab.errors import LabError
from services.runtime.command_line import OptionParser, main_of, say

CLIENT_COMMANDS = ("embedded", "run")


class Command(NamedTuple):
    """What a command is for, what it does, and which options it has."""

    summary: str
    run: Callable[[Namespace], int]
    add_options: Callable[[ArgumentParser], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    return main_of(lambda: guarded(list(sys.argv[1:] if argv is None else argv)), name="lab")


def guarded(argv: list[str]) -> int:
    """Run a command line; a LabError is its evidence, one line, and its exit code."""
    options = understand(argv)
    try:
        return COMMANDS[options.command].run(options)
    except LabError as error:
        for line in error.evidence:
            say(line)
        say(f"lab {options.command}: {error}")
        return error.exit_code


def understand(argv: list[str]) -> Namespace:
    """Parse a command line. What follows `embedded` or `run` is the client's, to the letter."""
    parser = OptionParser(prog="lab", description="asynclab's control room")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=OptionParser)
    for name, command in COMMANDS.items():
        takes_all = name in CLIENT_COMMANDS
        subparser = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            add_help=not takes_all,
            prefix_chars="-+"[takes_all],
        )
        command.add_options(subparser)
    return parser.parse_args(argv)


def up(options: Namespace) -> int:
    """Start the lab, and say where it is."""
    from lab.stack import Stack

    stack = Stack(options.project)
    stack.up(say, keep=options.keep)
    say("The lab is healthy. Now: docker compose run --rm client")
    return 0


def down(options: Namespace) -> int:
    """Take the lab down; without an engine there is none."""
    from lab import engine
    from lab.stack import Stack

    if not engine.probe().engine:
        say("No Docker engine runs, so no lab does.")
        return 0
    Stack(options.project).down()
    return 0


def compose(options: Namespace) -> int:
    """Hand over to `docker compose ps` or `docker compose logs`."""
    from lab.stack import Stack

    Stack(options.project).become(options.command, *getattr(options, "words", ()))


def run(options: Namespace) -> int:
    """Hand over to `docker compose run --rm client`, with a terminal where there is one."""
    from lab.stack import Stack

    terminal = () if sys.stdin.isatty() and sys.stdout.isatty() else ("-T",)
    Stack(options.project).become("run", "--rm", *terminal, "client", *options.words)


def embedded(options: Namespace) -> int:
    """Run the client against a lab in this very process."""
    from services.client.cli import understand as understand_client
    from services.runtime.settings import Environment

    invocation = understand_client(options.words, default_loop=Environment().loop(), prog="lab embedded")

    if invocation.loop is None:
        return invocation.run()

    from lab.embedded import run_embedded
    from services.hello.settings import HelloSettings
    from services.runtime.run import run as run_on_loop

    hello = HelloSettings.from_environment(Environment())
    return run_on_loop(lambda stop: run_embedded(invocation, hello, stop), loop=invocation.loop)


def doctor(options: Namespace) -> int:
    """Show what this machine has and, if asked, how long the lab takes on it."""
    from lab.doctor import doctor as examine

    if not options.time:
        return examine()
    from lab.timing import timings

    return examine(timings(say))


def engine(options: Namespace) -> int:
    """Start the engine where there is none, or stop the one that was started."""
    from lab import engine as docker_engine

    if options.action == "stop":
        docker_engine.stop(say)
    else:
        docker_engine.ensure(say)
    return 0


def base(_options: Namespace) -> int:
    """Make sure of a base image, and print its name."""
    from lab import base as base_image

    print(base_image.ensure(say))
    return 0


def check(_options: Namespace) -> int:
    """Run every linter."""
    from lab.check import check_all

    return check_all()


def nothing(_parser: ArgumentParser) -> None:
    """Declare no option."""


def add_project(parser: ArgumentParser) -> None:
    """Declare --project."""
    default = os.environ.get("COMPOSE_PROJECT_NAME") or "asynclab"
    parser.add_argument("--project", default=default, help="Compose project (COMPOSE_PROJECT_NAME; now %(default)s)")


def add_words(parser: ArgumentParser) -> None:
    """Declare that the rest of the line is somebody else's."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...")


def add_up(parser: ArgumentParser) -> None:
    """Declare the options of `up`."""
    add_project(parser)
    parser.add_argument("--keep", action="store_true", help="leave a lab that failed as it is, to look at")


def add_logs(parser: ArgumentParser) -> None:
    """Declare the options of `logs`."""
    add_project(parser)
    add_words(parser)


def add_run(parser: ArgumentParser) -> None:
    """Declare the options of `run`, which are the environment's: its words are the client's."""
    parser.set_defaults(project=os.environ.get("COMPOSE_PROJECT_NAME") or "asynclab")
    add_words(parser)


def add_doctor(parser: ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument("--time", action="store_true", help="also time the lab's starts (a minute)")


def add_engine(parser: ArgumentParser) -> None:
    """Declare the options of `engine`."""
    parser.add_argument("action", nargs="?", choices=("start", "stop"), default="start")


COMMANDS = {
    "up": Command("start the lab in containers, and return when it is healthy", up, add_up),
    "down": Command("take the lab down, and leave nothing behind", down, add_project),
    "ps": Command("show the lab's containers", compose, add_project),
    "logs": Command("show what the services logged", compose, add_logs),
    "run": Command("run the client in its container: lab run [CLIENT ARGS]", run, add_run),
    "embedded": Command("run the client, and the lab, without Docker: lab embedded [CLIENT ARGS]", embedded, add_words),
    "doctor": Command("show what this machine can do", doctor, add_doctor),
    "engine": Command("start the Docker engine where there is none, or stop it", engine, add_engine),
    "base": Command("make sure of a base image, and print its name", base, nothing),
    "check": Command("run every linter", check, nothing),
}
