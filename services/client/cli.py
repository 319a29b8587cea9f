"""The client's command line: `client [COMMAND] [OPTIONS]`; without a command, the tutorial's three programs in order.

`services.client.options` declares the commands and their options. A command's handler is imported only when it is to
run, so that help and error messages come at once.
"""

import itertools
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from services.client.defaults import IN_CONTAINER, ON_HOST, WAITS_FOR
from services.client.options.commands import COMMANDS, TOUR, Command
from services.runtime.cli import HelpFormatter, OptionParser, add_loop_option, add_version_option, main_of, not_empty
from services.runtime.settings import Environment

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from services.client.settings import ClientSettings
    from services.runtime.run import Stop

LAB = "lab"  # the value of --ca that names the lab's own CA
NONE: "Mapping[str, str]" = MappingProxyType({})
EPILOG = "exit codes: 0 all well; 1 some failed; 2 wrong usage; 3 a file; 4 nothing answered; 130 interrupted"


class Invocation:
    """A parsed command line: the name of the loop (None: the command needs none), the handler and its options.

    `words`: the command line. `lab`: the URL of a lab that stands, empty if the command line names none; None if the
    command needs no lab.
    """

    __slots__ = ("handler", "lab", "loop", "values", "words")

    def __init__(
        self,
        loop: str | None,
        handler: str,
        values: dict[str, object],
        *,
        words: Sequence[str],
        lab: str | None = None,
    ) -> None:
        self.loop, self.handler, self.values, self.words, self.lab = loop, handler, values, words, lab

    @property
    def is_quiet(self) -> bool:
        """Whether only errors are printed on stderr, and not even which loop runs."""
        return bool(self.values.get("quiet"))

    async def main(self, settings: "ClientSettings", stop: "Stop") -> int:
        """Run the handler on the running loop."""
        from dataclasses import replace

        handler = import_module(self.handler)
        settings = replace(settings, words=tuple(self.words))
        code: int = await handler.main(handler.Options(**self.values), settings, stop)
        return code

    def check(self) -> None:
        """Check options that may contradict each other, as the handler does when it runs. Raises ProgramError."""
        handler = import_module(self.handler)
        if check := getattr(handler, "check", None):
            check(handler.Options(**self.values))

    def run(self) -> int:
        """Run a handler that needs no loop."""
        handler = import_module(self.handler)
        code: int = handler.run(handler.Options(**self.values))
        return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client on a command line, and return its exit code."""
    return main_of(lambda: program(sys.argv[1:] if argv is None else argv, Environment()), name="client")


def program(argv: Sequence[str], environment: Environment, *, prog: str = "client", called: str = "") -> int:
    """Run a command line in the lab that --lab or ASYNCLAB_URL names, or with the hosts that the resolver finds.

    `called`: what a person types to run the client; empty: what runs it here.
    """
    called = called or (IN_CONTAINER if environment.text("LAB_CA", "") else ON_HOST)
    invocation = understand(argv, default_loop=environment.loop(), prog=prog, called=called, joins=True)
    if invocation.loop is None:
        return invocation.run()

    if services := environment.text(WAITS_FOR, ""):
        from services.client.network.readiness import wait_for

        wait_for(services)

    from dataclasses import replace
    from functools import partial

    from services.client.settings import ClientSettings
    from services.runtime.run import ENDED_BY, run

    settings = replace(ClientSettings.from_environment(environment), called=called)
    work: Callable[[ClientSettings, Stop], Coroutine[None, None, int]] = invocation.main
    if invocation.lab is not None and (lab := invocation.lab or environment.text("ASYNCLAB_URL", "")):
        from services.client.network.standing_lab import parse_lab_url, run_in_lab

        url = parse_lab_url("--lab" if invocation.lab else "ASYNCLAB_URL", lab)
        work = partial(run_in_lab, url, work, with_ca=invocation.values.get("ca") == LAB)
    return run(
        lambda stop: work(settings, stop),
        loop=invocation.loop,
        announce=not invocation.is_quiet,
        more_signals=ENDED_BY,
    )


def understand(
    argv: Sequence[str],
    *,
    default_loop: str,
    prog: str = "client",
    called: str = ON_HOST,
    joins: bool = False,
    without: Mapping[str, str] = NONE,
) -> Invocation:
    """Return what a command line asks for; one that asks for nothing possible, or for help, ends the program.

    `prog`: how messages name the program; `called`: what a person types to run it, for the examples. `joins`: whether
    it may join a lab that stands, and has --lab. `without`: commands that this program does not have, each with
    the line that says why.
    """
    argv = command_first(argv)
    name = argv[0] if argv and argv[0] in COMMANDS else ""
    if name in without:
        OptionParser(prog=prog).error(f"{name} is no command here: {without[name]}")
    command = COMMANDS[name] if name else TOUR
    parser = OptionParser(
        prog=f"{prog} {name}" if name else prog,
        usage=command.usage if name else "%(prog)s [COMMAND] [OPTIONS]",
        description=command.summary if name else help_text(without),
        epilog=epilog(command, called),
        formatter_class=HelpFormatter,
    )
    add_options(parser, command, default_loop=default_loop, joins=joins)
    if joins and not (command.has_lab or command.takes_rest) and names_lab(argv):
        parser.error(f"{name} needs no lab: leave --lab out")
    if not name and argv and not argv[0].startswith("-"):
        parser.error(f"no such command: {argv[0][:40]!r}; there are {', '.join(has(without))}")
    values = vars(parse(parser, argv[1:] if name else argv, takes_rest=command.takes_rest))
    lab = (values.pop("lab") or "") if joins and command.has_lab else None
    if command.needs_lab and values[command.needs_lab] is None:
        if lab:
            parser.error(f"--lab is nothing without --{command.needs_lab}: leave it out")
        lab = None
    return Invocation(values.pop("loop", None), command.handler, values, words=argv, lab=lab)


def add_options(parser: OptionParser, command: Command, *, default_loop: str, joins: bool) -> None:
    """Declare the options of a command, and those that most commands have: --version, --loop and --lab."""
    add_version_option(parser)
    command.add_options(parser)
    if command.has_loop:
        add_loop_option(parser, default=default_loop)
    if joins and command.has_lab:
        parser.add_argument(
            "--lab",
            metavar="URL",
            type=not_empty("give the URL of a lab's gateway, as http://127.0.0.1:3128"),
            help="use the lab that stands there: its gateway's URL (ASYNCLAB_URL)",
        )


def parse(parser: OptionParser, words: Sequence[str], *, takes_rest: bool) -> Namespace:
    """Return the values of the options. `takes_rest`: whether an argument takes all that follows it."""
    # Only intermixed parsing lets options stand between targets; but it takes what follows `--` for options.
    in_order = takes_rest or "--" in words
    return parser.parse_args(words) if in_order else parser.parse_intermixed_args(words)


def names_lab(argv: Sequence[str]) -> bool:
    """Return whether a command line has --lab."""
    return any(word.partition("=")[0] == "--lab" for word in itertools.takewhile("--".__ne__, argv))


def epilog(command: Command, called: str) -> str:
    """Return the end of a command's help: examples as a person types them, and the exit codes."""
    examples = [*command.before, *(f"{called} {words}".rstrip() for words in command.examples)]
    where = ", to run in the checkout" if called.startswith((".venv/", IN_CONTAINER)) else ""
    title = f"example{'s' * (len(examples) > 1)}{where}:"
    return "\n".join([title, *(f"  {line}" for line in examples), "", EPILOG])


def command_first(argv: Sequence[str]) -> Sequence[str]:
    """Return the command line with its command first, also where --loop or --lab stand before the command."""
    ahead = 0
    while argv[ahead : ahead + 1] and argv[ahead].partition("=")[0] in {"--loop", "--lab"}:
        ahead += 1 if "=" in argv[ahead] else 2
    if argv[ahead : ahead + 1] and argv[ahead] in COMMANDS:
        return [argv[ahead], *argv[:ahead], *argv[ahead + 1 :]]
    return argv


def has(without: Mapping[str, str]) -> list[str]:
    """Return the names of the commands that a program without these has."""
    return [name for name in COMMANDS if name not in without]


def help_text(without: Mapping[str, str]) -> str:
    """Return the commands, a line each."""
    rows = [f"  {name:<12}{COMMANDS[name].summary}" for name in has(without)]
    return "\n".join(["commands (each has --help):", *rows, f"  {'(none)':<12}{TOUR.summary}"])
