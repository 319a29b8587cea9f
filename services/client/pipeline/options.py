"""The options of `client pipeline`; those that contradict each other are refused before anything is produced."""

import re
from dataclasses import dataclass, field, fields

from services.client import defaults
from services.client.survey.options import Contradiction
from services.client.survey.options import Options as FetchOptions

STDIN = "-"
TASKS = {"producers", "consumers", "queue_size"}
WORKERS_OWN = {"producers", "consumers"}
OTHER_NAMES = {"follow": "location"}
GENERATOR, QUEUE, JETSTREAM, ALL = "generator", "queue", "jetstream", "all"
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `client pipeline`; those from `timeout_s` to `rate` are of `client wget`, and need targets.

    Arguments:
        items: how many numbers are produced; None where targets are, or for the tutorial's five.
        input: the file of targets.
        edition: which concurrency model; ALL shows each of them on the same input.
        queue_size: how many items may wait, or be in the hands of a consumer of the broker.
        run: the id of a run; that of a run which was killed goes on with it. Of the jetstream edition alone.
        forget: the id of a run that the broker is to remove, instead of running anything.
        delay_s: how long the lab's sites take for an answer while it runs; 0: no longer than else.
        trace, report: the files that a recording of the run goes to; None for none.
    """

    items: int | None = None
    input: str | None = None
    edition: str = defaults.PIPELINE_EDITION
    producers: int = defaults.PRODUCERS
    consumers: int = defaults.CONSUMERS
    queue_size: int = defaults.QUEUE_SIZE
    format: str = defaults.FORMAT
    run: str | None = None
    forget: str | None = None
    trace: str | None = None
    report: str | None = None
    quiet: bool = False
    timeout_s: float = defaults.TIMEOUT_S
    connect_timeout_s: float = defaults.CONNECT_TIMEOUT_S
    head_timeout_s: float = defaults.HEAD_TIMEOUT_S
    retries: int = 0
    max_head: int = defaults.MAX_HEAD_BYTES
    max_fields: int = defaults.MAX_HEAD_FIELDS
    follow: bool = False
    max_redirects: int = defaults.MAX_REDIRECTS
    strict: bool = False
    ca: str | None = None
    insecure: bool = False
    public_only: bool = False
    allow_net: list[str] = field(default_factory=list)
    resolve: list[str] = field(default_factory=list)
    method: str = defaults.METHOD
    path: str = defaults.PATH
    header: list[str] = field(default_factory=list)
    user_agent: str = defaults.USER_AGENT
    per_host: int = 0
    rate: float = 0.0
    delay_s: float = 0.0

    @property
    def count(self) -> int:
        """How many numbers are produced, where no input gives targets."""
        return defaults.PIPELINE_ITEMS if self.items is None else self.items

    @property
    def fetch(self) -> FetchOptions | None:
        """The options of the survey that fetches the targets; None where the items are numbers."""
        if self.input is None:
            return None
        shared = {name: getattr(self, name) for name in SHARED}
        return FetchOptions([], concurrency=self.consumers, **shared)

    @property
    def is_recorded(self) -> bool:
        """Whether the run is to be recorded."""
        return self.trace is not None or self.report is not None


RECORDED = {"trace", "report"}  # options of both programs that say nothing of how a target is fetched
SHARED = {each.name for each in fields(Options)} & {each.name for each in fields(FetchOptions)} - {"edition"} - RECORDED
OF_TARGETS = SHARED - {"format", "quiet", "input"} | {"delay_s"}


def check(options: Options) -> None:
    """Refuse options that contradict each other. Raises Contradiction."""
    if options.items is not None and options.input is not None:
        raise Contradiction("the items are numbers (-n) or targets (-i), not both: leave one out")
    check_run(options)
    if options.format == "jsonl" and options.input is None:
        raise Contradiction("--format jsonl writes the records of targets: it needs -i FILE, or take --format json")
    if options.edition == ALL and (options.format == "jsonl" or options.input == STDIN):
        raise Contradiction("--edition all reads its input several times, and is no survey: give -i FILE, no jsonl")
    if options.allow_net and not options.public_only:
        raise Contradiction("--allow-net makes exceptions from --public-only, which is not given")
    check_meaning(options)


def check_run(options: Options) -> None:
    """Refuse a name that no run can have, and options that do not go together with one. Raises Contradiction."""
    for name, run in (("--run", options.run), ("--forget", options.forget)):
        if run is None:
            continue
        if options.edition != JETSTREAM:
            raise Contradiction(f"{name} names a run that a broker keeps: it needs --edition jetstream")
        if not RUN_ID.fullmatch(run):
            raise Contradiction(f"{name} {run[:40]!r} is no name of a run: 1 to 32 of a-z, 0-9 and -, and no - first")
    if options.forget is not None:
        plain = Options(edition=JETSTREAM, forget=options.forget, quiet=options.quiet)
        given = {each.name for each in fields(Options) if getattr(options, each.name) != getattr(plain, each.name)}
        if given:
            raise Contradiction(f"--forget removes a run, and does nothing else: leave out {named(given)}")


def check_meaning(options: Options) -> None:
    """Refuse options that would mean nothing here. Raises Contradiction."""
    plain = Options()
    given = {each.name for each in fields(Options) if getattr(options, each.name) != getattr(plain, each.name)}
    if options.edition == GENERATOR and (found := given & TASKS):
        raise Contradiction(f"the generator edition has one of each, and no queue: leave out {named(found)}")
    if options.edition == JETSTREAM and (found := given & WORKERS_OWN):
        raise Contradiction(
            f"the jetstream edition has one producer, and workers, each with a --concurrency: leave out {named(found)}"
        )
    if options.input is None and (found := given & OF_TARGETS):
        raise Contradiction(f"numbers are not fetched: leave out {named(found)}, or give targets (-i FILE)")


def named(names: set[str]) -> str:
    """Return options as a person gives them."""
    return ", ".join("--" + OTHER_NAMES.get(name, name.removesuffix("_s").replace("_", "-")) for name in sorted(names))
