"""The command line `lab`, which the Makefile's verbs call: its commands and their options, declared in COMMANDS.

What each command does is in `lab.commands`, which is to be read next.
"""

import sys
from argparse import REMAINDER, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lab import IS_CHECKOUT, PROGRAM, UP_TIMEOUT_S, commands
from lab.errors import LabError, NoCheckout
from services.runtime.cli import HelpFormatter, OptionParser, add_version_option, main_of
from services.runtime.settings import LOOPS
from services.runtime.terminal import printable, say

FILE_FAILED = 3
MAX_TIMEOUT_S = 86_400
MAX_PORT = 65_535
WATCH_PORT = 8080
CLIENT_COMMANDS = ("embedded", "run", "record")
WITH_WORDS = ("serve", "swarm")  # after `--`


class Command(NamedTuple):
    """A command: what it is for, what it does, its options, and examples (the words after `lab`)."""

    summary: str
    run: Callable[[Namespace], int]
    add_options: Callable[[ArgumentParser], object]
    examples: tuple[str, ...] = ()
    needs_checkout: bool = True


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    return main_of(lambda: run_command(list(sys.argv[1:] if argv is None else argv)), name="lab")


def run_command(argv: list[str]) -> int:
    """Run a command line. A LabError is printed, its evidence first, and gives the exit code."""
    options = understand(argv)
    try:
        if COMMANDS[options.command].needs_checkout and not IS_CHECKOUT:
            raise NoCheckout
        return COMMANDS[options.command].run(options)
    except LabError as error:
        for line in error.evidence:
            say(line)
        say(f"lab {options.command}: {error}")
        return error.exit_code
    except OSError as error:  # a full or failing disk; what a person can correct is a LabError
        where = f"{error.filename}: " if error.filename else ""
        say(printable(f"lab {options.command}: {where}{error.strerror or error}"))
        return FILE_FAILED


def understand(argv: list[str]) -> Namespace:
    """Parse a command line.

    The words after `embedded`, `run` or `record` are the client's, and so are those after `swarm ... --`; those after
    `serve ... --` are a command's. None of them are parsed here.
    """
    ahead, words = command_inside(argv)
    parser = OptionParser(prog="lab", description="the lab: start it, look at it, measure it, take it down")
    add_version_option(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=OptionParser)
    for name, command in COMMANDS.items():
        takes_all = name in CLIENT_COMMANDS
        subparser = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            add_help=not takes_all,
            prefix_chars="-+"[takes_all],
            epilog=epilog(command.examples),
            formatter_class=HelpFormatter,
        )
        command.add_options(subparser)
    options, unknown = parser.parse_known_args(ahead)
    if unknown:
        is_program = options.command in WITH_WORDS and any(not word.startswith("-") for word in unknown)
        hint = "; a command stands after --" if is_program else ""
        commands.choices[options.command].error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if words is not None:
        options.words = words
    return options


def command_inside(argv: list[str]) -> tuple[list[str], list[str] | None]:
    """Return a command line of `serve` or `swarm` up to `--`, and the words after it; any other as it is, and None."""
    if not argv or argv[0] not in WITH_WORDS or "--" not in argv:
        return argv, None
    end = argv.index("--")
    return argv[:end], argv[end + 1 :]


def epilog(examples: Sequence[str]) -> str | None:
    """Return the end of a command's help: examples, as a person types them."""
    if not examples:
        return None
    title = "examples, to run in the checkout:" if IS_CHECKOUT else "examples:"
    return "\n".join([title, *(f"  {PROGRAM} {each}" for each in examples)])


def nothing(_parser: ArgumentParser) -> None:
    """Declare no option."""


def add_project(parser: ArgumentParser) -> None:
    parser.add_argument("--project", help="Compose project (COMPOSE_PROJECT_NAME, here or in .env; else asynclab)")


def add_words(parser: ArgumentParser) -> None:
    """Declare that the rest of the line is the client's."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...")


def add_up(parser: ArgumentParser) -> None:
    add_project(parser)
    parser.add_argument("--keep", action="store_true", help="leave a lab that failed as it is, to look at")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=UP_TIMEOUT_S,
        help="how long services may take to become healthy (%(default)g)",
    )


def seconds(text: str) -> float:
    """Return the seconds that an option gives. Raises ArgumentTypeError for another text."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_TIMEOUT_S:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds above 0, {MAX_TIMEOUT_S:,} at most")
    return value


def add_logs(parser: ArgumentParser) -> None:
    add_project(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    parser.add_argument("words", nargs=REMAINDER, metavar="SERVICE", help="of these alone; then, options of Compose's")


def add_run(parser: ArgumentParser) -> None:
    """Declare that all words are the client's; the project comes from the environment or `.env`."""
    parser.set_defaults(project=None)
    add_words(parser)


def add_serve(parser: ArgumentParser) -> None:
    parser.usage = "%(prog)s [OPTIONS] [-- COMMAND ...]"
    parser.set_defaults(words=None)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="of the lines that say it is ready (text)"
    )
    parser.add_argument("--port", type=port, default=0, help="the gateway's (0: any that is free)")
    parser.add_argument("--loop", choices=LOOPS, help="event loop (LAB_LOOP, else asyncio)")
    parser.add_argument("--until-eof", action="store_true", help="end at the end of stdin, as by the parent's end")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="with a COMMAND, whose stdout is its own: say it on stderr"
    )


def add_watch(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=WATCH_PORT, help="the page's, on 127.0.0.1 (%(default)s; 0: any)")
    parser.add_argument("--no-open", dest="opens", action="store_false", help="open no browser")
    parser.add_argument("--loop", choices=LOOPS, help="event loop of the lab (LAB_LOOP, else asyncio)")


def port(text: str) -> int:
    """Return the port that an option gives. Raises ArgumentTypeError for another text."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_PORT):
        raise ArgumentTypeError(f"{text[:40]!r} is not a port, 0 to {MAX_PORT}")
    return int(text)


def add_swarm(parser: ArgumentParser) -> None:
    parser.usage = "%(prog)s [up|down|ps] [OPTIONS]\n       %(prog)s run [OPTIONS] [-- CLIENT ARGS]"
    parser.set_defaults(words=None)
    verbs = ("up", "down", "ps", "run")
    parser.add_argument("verb", nargs="?", choices=verbs, default="ps", help="run: a client, joined to the lab (ps)")
    parser.add_argument(
        "--node",
        action="append",
        metavar="ENDPOINT",
        help="the engine of a node: ssh://HOST, tcp://HOST:PORT or a socket; one for each (LAB_SWARM_NODES)",
    )
    parser.add_argument("--project", help="the stack's name (COMPOSE_PROJECT_NAME, else asynclab, with -swarm)")
    parser.add_argument("--keep", action="store_true", help="up: leave a lab that failed as it is, to look at")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        help=f"up: how long services may take to become healthy ({UP_TIMEOUT_S:g})",
    )


def add_bench(parser: ArgumentParser) -> None:
    from lab.bench.cli import add_options

    add_options(parser)


def add_report(parser: ArgumentParser) -> None:
    from lab.report.cli import add_options

    add_options(parser)


def add_doctor(parser: ArgumentParser) -> None:
    parser.add_argument("--time", action="store_true", help="also time the lab's starts (a minute)")


def add_engine(parser: ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("start", "stop"), default="start")


COMMANDS = {
    "up": Command(
        "start the lab in containers, and return when it is healthy",
        commands.up,
        add_up,
        ("up", "up --keep --timeout 60"),
    ),
    "down": Command(
        "take the lab down, and leave nothing behind", commands.down, add_project, ("down", "down --project other")
    ),
    "ps": Command("show the lab's containers", commands.compose, add_project, ("ps",)),
    "logs": Command(
        "show what the services logged", commands.compose, add_logs, ("logs -f", "logs sina sohu --tail 20")
    ),
    "run": Command("run the client in its container: lab run [CLIENT ARGS]", commands.run, add_run),
    "embedded": Command(
        "run the client, and the lab, without Docker: lab embedded [CLIENT ARGS]",
        commands.embedded,
        add_words,
        needs_checkout=False,
    ),
    "serve": Command(
        "let the lab stand without Docker, for any client; or run a command inside it: lab serve [-- COMMAND]",
        commands.serve,
        add_serve,
        ("serve", "serve --port 3128 --format json", "serve -- curl https://www.163.com/"),
        needs_checkout=False,
    ),
    "watch": Command(
        "the lab in the browser, without Docker: a page that runs programs and draws them",
        commands.watch,
        add_watch,
        ("watch", "watch --port 0 --no-open"),
        needs_checkout=False,
    ),
    "record": Command(
        "keep responses of sites, for the lab to play: lab record URL...",
        commands.record,
        add_words,
        needs_checkout=False,
    ),
    "swarm": Command(
        "the lab on several machines, by a Docker Swarm: lab swarm up, ps, down; lab swarm run [-- CLIENT ARGS]",
        commands.swarm,
        add_swarm,
        ("swarm up --node ssh://one --node ssh://two", "swarm ps", "swarm run -- wget", "swarm down"),
    ),
    "bench": Command(
        "compare with peers: lab bench [BENCH ...]; or lab bench chaos: attack a separate lab "
        "(project asynclab-chaos), kill its processes, and say which promises held (exit code 1: not all)",
        commands.bench,
        add_bench,
        ("bench hello --quick", "bench wget --rounds 5 --json figures.json", "bench chaos --quick"),
    ),
    "report": Command(
        "draw traces as one page of HTML; without any, run the tutorial's story and draw it, in English and Chinese",
        commands.report,
        add_report,
        ("report", "report trace.json -o trace.html"),
        needs_checkout=False,
    ),
    "doctor": Command("show what this machine can do", commands.doctor, add_doctor, ("doctor", "doctor --time")),
    "engine": Command(
        "start the Docker engine where there is none, or stop it",
        commands.engine,
        add_engine,
        ("engine", "engine stop"),
    ),
    "base": Command("make sure of a base image, and print its name", commands.base, nothing, ("base",)),
}
