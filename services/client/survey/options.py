"""The options of `client wget`; those that contradict each other are refused before anything is fetched."""

from dataclasses import dataclass, field, fields

from services.client import defaults
from services.client.settings import TUTORIAL_HOSTS
from services.runtime.errors import ProgramError

RESUMABLE = ("jsonl", "csv")
FILE_OF_RECORDS = "--resume goes on with a file of records"
NEEDED_COLUMNS = ("line", "target", "error")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `client wget`. `services.client.options` declares and explains each of the options."""

    targets: list[str]
    edition: str = defaults.EDITION
    timeout_s: float = defaults.TIMEOUT_S
    input: str | None = None
    format: str = defaults.FORMAT
    output: str | None = None
    ordered: bool = False
    resume: bool = False
    concurrency: int = defaults.CONCURRENCY
    per_host: int = 0
    rate: float = 0.0
    connect_timeout_s: float = defaults.CONNECT_TIMEOUT_S
    head_timeout_s: float = defaults.HEAD_TIMEOUT_S
    retries: int = 0
    follow: bool = False
    max_redirects: int = defaults.MAX_REDIRECTS
    ca: str | None = None
    insecure: bool = False
    public_only: bool = False
    allow_net: list[str] = field(default_factory=list)
    resolve: list[str] = field(default_factory=list)
    strict: bool = False
    max_head: int = defaults.MAX_HEAD_BYTES
    max_fields: int = defaults.MAX_HEAD_FIELDS
    user_agent: str = defaults.USER_AGENT
    processes: int = 0
    quiet: bool = False
    force: bool = False
    columns: list[str] = field(default_factory=list)
    only: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    method: str = defaults.METHOD
    path: str = defaults.PATH
    trace: str | None = None
    report: str | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether the run is to be recorded."""
        return self.trace is not None or self.report is not None


class Contradiction(ProgramError):
    """Options that do not go together."""


def check(options: Options) -> None:
    """Refuse options that contradict each other. Raises Contradiction."""
    plain = Options(options.targets, options.edition, options.timeout_s, trace=options.trace, report=options.report)
    more = [each.name for each in fields(Options) if getattr(options, each.name) != getattr(plain, each.name)]
    if options.edition != defaults.EDITION and more:
        names = ", ".join("--" + name.removesuffix("_s").replace("_", "-") for name in more)
        raise Contradiction(f"the tutorial's edition {options.edition!r} has no {names}: leave out --edition or these")
    if options.input is not None and options.targets:
        raise Contradiction("targets come as arguments or from --input, not both")
    if options.resume:
        check_resume(options)
    if options.force and options.output is None:
        raise Contradiction("--force overwrites a file: it needs --output FILE")
    if options.columns and options.format != "csv":
        raise Contradiction("--columns chooses those of a table: it needs --format csv")
    if options.processes > 1 and (options.ordered or options.per_host):
        raise Contradiction("--ordered and --per-host are kept by one process: leave out --processes")
    if options.is_recorded and options.processes > 1:
        raise Contradiction("--trace and --report record one process: leave out --processes")
    if options.allow_net and not options.public_only:
        raise Contradiction("--allow-net makes exceptions from --public-only, which is not given")


def check_resume(options: Options) -> None:
    """Refuse to resume what cannot be resumed. Raises Contradiction."""
    if options.output is None:
        raise Contradiction(f"{FILE_OF_RECORDS}: it needs --output FILE and --format jsonl or csv")
    if options.force:
        raise Contradiction("--resume goes on with a file, --force overwrites it: leave one out")
    if problem := why_not_resumed(options):
        raise Contradiction(problem)


def why_not_resumed(options: Options) -> str | None:
    """Return why --resume cannot go on with records that are written like this; None where it can."""
    if options.format not in RESUMABLE:
        return f"{FILE_OF_RECORDS}: it needs --format jsonl or csv"
    if options.only:
        return "--resume knows by its record what is done, and --only leaves records out: leave one out"
    if options.columns and (lacking := [name for name in NEEDED_COLUMNS if name not in options.columns]):
        return f"--resume needs line, target and error of each record: --columns lacks {', '.join(lacking)}"
    return None


def what_to_do(options: Options) -> str:
    """Return the advice where the output holds records of an unfinished run: only what works with these options."""
    if why_not_resumed(options) is None:
        return "go on with it (--resume), or overwrite it (--force)"
    asked = "--only" if options.only else "--columns" if options.columns else f"--format {options.format}"
    return f"overwrite it (--force), or name another file: what {asked} writes cannot be resumed"


def targets_of(options: Options) -> list[str]:
    """Return the targets of the command line; none stands for the tutorial's three."""
    return options.targets or list(TUTORIAL_HOSTS)
