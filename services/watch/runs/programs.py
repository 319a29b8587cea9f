"""The programs that a page may start, and the client's command line for each.

A test holds every line against the client's own parser, and every choice against its options.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.runtime.settings import LOOPS
from services.watch.responses import Refused
from services.watch.runs.options import Choice, Hosts, Option, Targets, Value, Whole

TUTORIAL_HOSTS = ["www.sina.com.cn", "www.sohu.com", "www.163.com"]
MAX_TARGETS = 50
MAX_USERS = 1_000
MAX_COMPARED_USERS = 50
MAX_ITEMS = 10_000
MAX_DELAY_S = 5  # of each of the three sites, twice
NEEDS_BROKER = "jetstream"
SEQUENTIAL, AT_ONCE = "sequential", "at once"
JSON = ("--format", "json")  # with the ledger as its last line

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The words of a client's command line: those ahead of where more options may stand, and those after it.

    `quiet`: options that change only what is printed, which a person who runs the line does not need.
    """

    words: tuple[str, ...]
    operands: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()

    def with_options(self, *more: str) -> list[str]:
        """Return all words, with more options."""
        return [*self.words, *self.quiet, *more, *(("--", *self.operands) if self.operands else ())]

    def for_a_person(self) -> list[str]:
        """Return the words that make the run again."""
        return [*self.words, *self.operands]


@dataclass(frozen=True, slots=True)
class Program:
    """A program: its options, and the command line for their values."""

    name: str
    options: tuple[Option, ...]
    line: Callable[[Values], CommandLine]

    def as_json(self) -> dict[str, object]:
        """Return the program as the page gets it."""
        return {"name": self.name, "options": [each.as_json() for each in self.options]}

    def read(self, given: object, hosts: Hosts) -> dict[str, Value]:
        """Return the value of every option that counts. Raises Refused for a value or a name that cannot be."""
        if not isinstance(given, dict):
            raise Refused(400, "options: give an object of options and their values")
        names = [each.name for each in self.options]
        if unknown := [name for name in given if name not in names]:
            raise Refused(400, f"{self.name} has no option {unknown[0][:40]!r}: it has {', '.join(names)}")
        values = {each.name: each.read(given.get(each.name, each.default), hosts) for each in self.options}
        first = values[self.options[0].name]
        return {each.name: values[each.name] for each in self.options if not each.only or each.only == first}


def loop_of(values: Values) -> tuple[str, str]:
    return "--loop", str(values["loop"])


def compare_line(values: Values) -> CommandLine:
    """Return the line of `compare`; --users is of hello alone, --delay of wget."""
    own = ((f"--{name}", str(values[name])) for name in ("delay", "users") if name in values)
    words = itertools.chain(("compare", str(values["what"])), *own, loop_of(values))
    return CommandLine(tuple(words), quiet=JSON)


def wget_line(values: Values) -> CommandLine:
    """Return the line of `wget`; URLs of https need the lab's CA."""
    targets = values["targets"]
    assert isinstance(targets, list)  # noqa: S101 - as `Targets.read` returns it
    one_by_one = ("--concurrency", "1") if values["mode"] == SEQUENTIAL else ()
    secure = any(each.lower().startswith("https:") for each in targets)
    authorities = ("--ca", "lab") if secure else ()
    return CommandLine(("wget", *one_by_one, *authorities, *loop_of(values)), operands=tuple(targets))


def hello_line(values: Values) -> CommandLine:
    return CommandLine(("hello", "--users", str(values["users"]), *loop_of(values)))


def pipeline_line(values: Values) -> CommandLine:
    words = ("pipeline", "--edition", str(values["edition"]), "-n", str(values["n"]), *loop_of(values))
    return CommandLine(words, quiet=JSON)


def programs(*, has_broker: bool) -> Mapping[str, Program]:
    """Return the programs by name. `has_broker`: whether the lab has one, which an edition of the pipeline needs."""
    loop = Choice("loop", LOOPS)
    editions = ("queue", "generator", *((NEEDS_BROKER,) if has_broker else ()))
    listed = (
        Program(
            "compare",
            (
                Choice("what", ("wget", "hello", "pipeline")),
                Whole("delay", 1, MAX_DELAY_S, 1, only="wget"),
                Whole("users", 1, MAX_COMPARED_USERS, 5, only="hello"),
                loop,
            ),
            compare_line,
        ),
        Program(
            "wget",
            (Targets("targets", MAX_TARGETS, TUTORIAL_HOSTS), Choice("mode", (AT_ONCE, SEQUENTIAL)), loop),
            wget_line,
        ),
        Program("hello", (Whole("users", 1, MAX_USERS, 100), loop), hello_line),
        Program("pipeline", (Choice("edition", editions), Whole("n", 1, MAX_ITEMS, 20), loop), pipeline_line),
    )
    return {each.name: each for each in listed}
