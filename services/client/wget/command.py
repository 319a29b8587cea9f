"""`client wget`: the header survey or, with --edition, one of the tutorial's programs.

Whatever can be refused is refused here, in one line, before anything is written or fetched: options that contradict
one another, an input that cannot be read, an output that cannot be written or resumed.
"""

import fcntl
import ipaddress
import os
import stat
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from services.client.settings import TUTORIAL_HOSTS, ClientSettings
from services.client.wget import tutorial
from services.runtime.errors import BadSetting, ProgramError
from services.runtime.run import Stop, until_stopped

if TYPE_CHECKING:
    from services.client.wget.guard import Network
    from services.client.wget.resume import Done

SURVEY = "survey"
TUTORIAL_OPTIONS = {"targets", "edition", "timeout_s"}


@dataclass(frozen=True, slots=True)
class Options:
    """What `client wget` was asked for; `services.client.options` says what each is."""

    targets: list[str]
    edition: str = SURVEY
    timeout_s: float = 10.0
    input: str | None = None
    format: str = "human"
    output: str | None = None
    ordered: bool = False
    resume: bool = False
    concurrency: int = 64
    per_host: int = 0
    rate: float = 0.0
    connect_timeout_s: float = 5.0
    head_timeout_s: float = 10.0
    retries: int = 0
    follow: bool = False
    max_redirects: int = 10
    ca: str | None = None
    insecure: bool = False
    public_only: bool = False
    allow_net: list[str] = field(default_factory=list)
    resolve: list[str] = field(default_factory=list)
    strict: bool = False
    max_head: int = 256 * 1024
    max_fields: int = 1_000
    user_agent: str = "asynclab"
    processes: int = 0
    quiet: bool = False


class Contradiction(ProgramError):
    """Options that do not go together."""


class OutputUnusable(ProgramError):
    """The output cannot be opened, or must not be written."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot write to {name}: {reason}")
        self.name, self.reason = name, reason


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Fetch every target; 0 if all answered, 1 if some did, 4 if none did, 130 if a stop came first."""
    if options.output == "-":
        options = replace(options, output=None)
    if options.ca:
        options = replace(options, ca=settings.authorities(options.ca))
    check(options)
    if options.edition != SURVEY:
        fetching = tutorial.fetch_all(
            options.targets, settings.topology, edition=options.edition, timeout_s=options.timeout_s
        )
        return await until_stopped(fetching, stop)

    from services.client.wget.survey import run_survey

    return await run_survey(options, settings, stop)


def check(options: Options) -> None:
    """Refuse what contradicts itself. Raises Contradiction."""
    plain = Options(options.targets, options.edition, options.timeout_s)
    more = [each.name for each in fields(Options) if getattr(options, each.name) != getattr(plain, each.name)]
    if options.edition != SURVEY and more:
        names = ", ".join("--" + name.removesuffix("_s").replace("_", "-") for name in more)
        raise Contradiction(f"the tutorial's edition {options.edition!r} has no {names}: leave out --edition or these")
    if options.input is not None and options.targets:
        raise Contradiction("targets come as arguments or from --input, not both")
    if options.resume and (options.output is None or options.format != "jsonl"):
        raise Contradiction("--resume goes on with the records of a file: it needs --output FILE and --format jsonl")
    if options.processes > 1 and (options.ordered or options.per_host or options.rate):
        raise Contradiction("--ordered, --per-host and --rate are kept by one process: leave out --processes")
    if options.allow_net and not options.public_only:
        raise Contradiction("--allow-net makes exceptions from --public-only, which is not given")


def targets_of(options: Options) -> list[str]:
    """Return the targets of the command line; none stands for the tutorial's three."""
    return options.targets or list(TUTORIAL_HOSTS)


def networks(texts: list[str]) -> "list[Network]":
    """Return the networks of --allow-net. Raises BadSetting."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise BadSetting("--allow-net", text, "a network such as 10.0.0.0/8 or fd00::/8") from error
    return found


def open_output(options: Options, input_fd: int | None) -> "tuple[int, Done | None]":
    """Open --output, ready to be written to, and return its descriptor and what is done already.

    A file is emptied, or cut to whole records, last of all: after an error it is as it was.
    Raises OutputUnusable or NotResumable.
    """
    from services.client.wget.resume import Done, cut, read_done

    name = options.output or ""
    try:
        fd = os.open(name, os.O_CREAT | os.O_CLOEXEC | (os.O_RDWR if options.resume else os.O_WRONLY), 0o666)
        status = os.fstat(fd)
        regular = stat.S_ISREG(status.st_mode)
        if regular:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputUnusable(name, "another survey is writing to it") from error
    except OSError as error:
        raise OutputUnusable(name, error.strerror or str(error)) from error
    if input_fd is not None and regular and os.path.samestat(status, os.fstat(input_fd)):
        raise OutputUnusable(name, "it is the input")
    if not options.resume:
        if regular:
            os.ftruncate(fd, 0)
        return fd, None
    if not regular:
        raise OutputUnusable(name, "only a file can be resumed")
    with open(fd, "rb", closefd=False) as file:
        done: Done = read_done(file, name)
    cut(fd, done)
    return fd, done
