"""The command `lab`: what the Makefile's verbs call.

Each command is declared in COMMANDS, and imports what it needs when it runs: `lab embedded` must not wait for the
libraries of `lab up`. Read `lab.compose.stack` next, or `lab.embedded`.
"""

import os
import sys
from argparse import REMAINDER, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab import PROGRAM
from lab.errors import LabError
from services.runtime.cli import HelpFormatter, OptionParser, add_version_option, main_of
from services.runtime.terminal import printable, say, show

if TYPE_CHECKING:
    from lab.compose.stack import Stack

FILE_FAILED = 3
MOST_TIMEOUT_S = 86_400
CLIENT_COMMANDS = ("embedded", "run", "record")


class Command(NamedTuple):
    """What a command is for, what it does, which options it has, and examples: the words after `lab`."""

    summary: str
    run: Callable[[Namespace], int]
    add_options: Callable[[ArgumentParser], object]
    examples: tuple[str, ...] = ()


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
    except OSError as error:  # a full or failing disk, wherever that is met; what a person can mend has its own error
        where = f"{error.filename}: " if error.filename else ""
        say(printable(f"lab {options.command}: {where}{error.strerror or error}"))
        return FILE_FAILED


def understand(argv: list[str]) -> Namespace:
    """Parse a command line. What follows `embedded`, `run` or `record` is the client's, to the letter."""
    parser = OptionParser(prog="lab", description="asynclab's control room")
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
    return parser.parse_args(argv)


def epilog(examples: Sequence[str]) -> str | None:
    """Return what ends a command's help: examples as they run in the checkout."""
    if not examples:
        return None
    return "\n".join(["examples, to run in the checkout:", *(f"  {PROGRAM} {each}" for each in examples)])


def up(options: Namespace) -> int:
    """Start the lab, and say where it is."""
    stack = stack_of(options)
    stack.up(say, keep=options.keep, timeout_s=options.timeout)
    say("The lab is healthy. Now: docker compose run --rm client")
    return 0


def stack_of(options: Namespace) -> "Stack":
    """Return the project of containers that is meant: by option, environment or `.env`, as Compose has it."""
    from lab import settings
    from lab.compose.stack import PROJECT, Stack

    return Stack(options.project or settings.settings().get("COMPOSE_PROJECT_NAME") or PROJECT)


def down(options: Namespace) -> int:
    """Take the lab down; where it is certain that there is no engine, there is none."""
    from lab import own_sites
    from lab.docker import engine
    from lab.errors import DockerMissing

    stack = stack_of(options)
    try:
        engine.require()
    except DockerMissing:
        say("No Docker engine is here, so no lab runs.")
    else:
        stack.down(say)
    own_sites.remove_compose_override(stack.root)
    return 0


def compose(options: Namespace) -> int:
    """Hand over to `docker compose ps` or `docker compose logs`."""
    follow = ("--follow",) if getattr(options, "follow", False) else ()
    stack_of(options).become(options.command, *follow, *getattr(options, "words", ()))


def run(options: Namespace) -> int:
    """Hand over to `docker compose run --rm client`, with a terminal where there is one.

    The client's help and its refusals come first: no container starts for them.
    """
    from services.client.cli import understand as understand_client
    from services.runtime.settings import Environment

    default_loop = Environment(settings_without_containers()).loop()
    understand_client(options.words, default_loop=default_loop, prog="lab run", called=f"{PROGRAM} run").check()
    streams = (sys.stdin, sys.stdout)  # None where they are closed
    terminal = () if all(stream and stream.isatty() for stream in streams) else ("-T",)
    stack_of(options).become("run", "--rm", *terminal, "client", *options.words)


def embedded(options: Namespace) -> int:
    """Run the client against a lab in this very process."""
    from services.client.cli import understand as understand_client
    from services.runtime.settings import Environment

    settings = settings_without_containers()
    settings.pop("HELLO_PORT", None)  # where Compose publishes hello, maybe a range; here the system chooses
    environment = Environment(settings)
    invocation = understand_client(
        options.words, default_loop=environment.loop(), prog="lab embedded", called=f"{PROGRAM} embedded"
    )

    if invocation.loop is None:
        return invocation.run()

    from lab import own_sites
    from lab.embedded import run_embedded
    from services.hello.settings import HelloSettings
    from services.runtime.run import run as run_on_loop
    from services.sites.budget import LEAST_BYTES
    from services.sites.settings import SitesSettings

    hello = HelloSettings.from_environment(environment)
    sites = SitesSettings(
        own=own_sites.to_play(known=settings),
        memory_bytes=environment.memory_bytes("SITES_MEMORY_MIB", least_bytes=LEAST_BYTES),
    )
    return run_on_loop(
        lambda stop: run_embedded(invocation, hello, sites, stop),
        loop=invocation.loop,
        announce=not invocation.is_quiet,
    )


def record(options: Namespace) -> int:
    """Run the client's `record` on this host, with the lab's own directory of recordings."""
    from lab import own_sites
    from lab.errors import NothingToRecord
    from services.client.cli import program
    from services.runtime.settings import Environment

    if not any(word for word in options.words if word != "--"):
        raise NothingToRecord
    settings = settings_without_containers()
    words = ["record", "--output", str(own_sites.directory(known=settings)), *options.words]
    return program(words, Environment(settings), prog="lab", called=PROGRAM)


def settings_without_containers() -> dict[str, str]:
    """Return what the environment and `.env` say; a file that this user may not read is not needed here."""
    from lab import settings
    from lab.errors import EnvFileUnreadable

    try:
        return settings.settings()
    except EnvFileUnreadable as error:
        say(f"{error.problem}: going on without what it says")
        return {key: value for key, value in os.environ.items() if value}


def bench(options: Namespace) -> int:
    """Compare with peers."""
    from lab.bench.cli import bench as compare

    return compare(options)


def doctor(options: Namespace) -> int:
    """Show what this machine has and, if asked, how long the lab takes on it."""
    from lab.doctor import doctor as examine

    if not options.time:
        return examine()
    from lab.start_times import timings

    return examine(timings(say))


def engine(options: Namespace) -> int:
    """Start the engine where there is none, or stop the one that was started."""
    from lab.docker import engine as docker_engine

    if options.action == "stop":
        docker_engine.stop(say)
    else:
        docker_engine.ensure(say)
    return 0


def base(_options: Namespace) -> int:
    """Make sure of a base image, and print its name."""
    from lab.docker import base_image

    image = base_image.ensure(say)
    show(image)
    say(f"{image} is {base_image.digest(image)}")
    return 0


def check(_options: Namespace) -> int:
    """Run every linter."""
    from lab.check import check_all

    return check_all()


def nothing(_parser: ArgumentParser) -> None:
    """Declare no option."""


def add_project(parser: ArgumentParser) -> None:
    """Declare --project."""
    parser.add_argument("--project", help="Compose project (COMPOSE_PROJECT_NAME, here or in .env; else asynclab)")


def add_words(parser: ArgumentParser) -> None:
    """Declare that the rest of the line is somebody else's."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...")


def add_up(parser: ArgumentParser) -> None:
    """Declare the options of `up`."""
    add_project(parser)
    parser.add_argument("--keep", action="store_true", help="leave a lab that failed as it is, to look at")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=300.0,
        help="how long services may take to become healthy (300)",
    )


def seconds(text: str) -> float:
    """Return a time that an option gives, in seconds. Raises ArgumentTypeError for what is none."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_TIMEOUT_S:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds above 0, {MOST_TIMEOUT_S:,} at most")
    return value


def add_logs(parser: ArgumentParser) -> None:
    """Declare the options of `logs`."""
    add_project(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    parser.add_argument("words", nargs=REMAINDER, metavar="SERVICE", help="of these alone; then, options of Compose's")


def add_run(parser: ArgumentParser) -> None:
    """Declare the options of `run`, which are the environment's: its words are the client's."""
    parser.set_defaults(project=None)
    add_words(parser)


def add_bench(parser: ArgumentParser) -> None:
    """Declare the options of `bench`."""
    from lab.bench.cli import add_options

    add_options(parser)


def add_doctor(parser: ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument("--time", action="store_true", help="also time the lab's starts (a minute)")


def add_engine(parser: ArgumentParser) -> None:
    """Declare the options of `engine`."""
    parser.add_argument("action", nargs="?", choices=("start", "stop"), default="start")


COMMANDS = {
    "up": Command(
        "start the lab in containers, and return when it is healthy", up, add_up, ("up", "up --keep --timeout 60")
    ),
    "down": Command("take the lab down, and leave nothing behind", down, add_project),
    "ps": Command("show the lab's containers", compose, add_project),
    "logs": Command("show what the services logged", compose, add_logs, ("logs -f", "logs sina sohu --tail 20")),
    "run": Command("run the client in its container: lab run [CLIENT ARGS]", run, add_run),
    "embedded": Command("run the client, and the lab, without Docker: lab embedded [CLIENT ARGS]", embedded, add_words),
    "record": Command("keep a site's response, for the lab to play: lab record URL", record, add_words),
    "bench": Command(
        "compare with peers: lab bench [sites] [wget] [hello] [stalled]; or lab bench chaos: attack a lab of its own "
        "(project asynclab-chaos), kill its processes, and say which promises held (exit code 1: not all)",
        bench,
        add_bench,
        ("bench hello --quick", "bench wget --rounds 5 --json figures.json", "bench chaos --quick"),
    ),
    "doctor": Command("show what this machine can do", doctor, add_doctor, ("doctor", "doctor --time")),
    "engine": Command("start the Docker engine where there is none, or stop it", engine, add_engine),
    "base": Command("make sure of a base image, and print its name", base, nothing),
    "check": Command("run every linter", check, nothing),
}
