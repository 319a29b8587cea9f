"""How one run is worked at: what its producer writes to the registry, and each worker reads there."""

import dataclasses
import json
import secrets
import shlex
from dataclasses import dataclass

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.options import RECORDED, RUN_ID, Options, named
from services.client.survey.options import Options as FetchOptions
from services.runtime.terminal import printable

VERSION = 1  # of what is in the messages; a worker of another version leaves the run alone
MIN_IN_HAND = 4
BOUNDS = (
    ("queue_size", 1, 1_000_000),
    ("per_host", 0, 1_000_000),
    ("partitions", 1, 1024),
    ("batch", 1, 10_000),
    ("ack_wait_s", 0.1, 86_400),
    ("max_deliveries", 2, 1_000),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Arguments:
        id: its name, which is part of those of its streams.
        source: what its items are, for a person.
        fetch: how workers fetch targets; None where the items are numbers.
        queue_size: how many jobs the broker holds at most, waiting or in the hands of workers.
        per_host: how many jobs of one host all workers may hold together; 0 is no limit.
        partitions: how many groups of hosts there are.
        batch: how many jobs a worker asks for at a time.
        ack_wait_s: after how long a job of a worker that says nothing is delivered again.
        max_deliveries: how often a job is tried before it is given up.
        owner: a number that no other producer has, which has claimed the run last.
        finished: whether every job has its result or a reason why not; its results are kept for a while.
        traced: whether workers tell its producer when they begin and end a job.
        version: of what is in the messages.
    """

    id: str
    source: str
    fetch: FetchOptions | None
    queue_size: int
    per_host: int
    partitions: int
    batch: int
    ack_wait_s: float
    max_deliveries: int
    owner: str = ""
    finished: bool = False
    traced: bool = False
    version: int = VERSION

    @property
    def at_once(self) -> int:
        """How many jobs of a partition all workers may hold together."""
        return self.per_host or self.queue_size

    @property
    def isolated_above(self) -> int:
        """After how many deliveries a job is taken for one that may have ended its workers, and is worked at alone."""
        return min(2, self.max_deliveries - 1)

    def encode(self) -> bytes:
        members = dataclasses.asdict(self)
        if not self.traced:  # so a worker that knows of no traces reads every other run
            del members["traced"]
        for name in RECORDED & set(members["fetch"] or ()):  # they are none of a worker's
            del members["fetch"][name]
        return json.dumps(members).encode()


def decode_run(data: bytes) -> Run:
    """Return the run that a message of the registry describes. Raises Undecodable."""
    try:
        members = json.loads(data)
        if not isinstance(members, dict):
            raise Undecodable("it is no JSON object")
        if members.get("version") != VERSION:
            raise Undecodable(f"it is of version {members.get('version')!r}, and this program knows {VERSION}")
        fetch = members.pop("fetch")
        run = Run(**members, fetch=FetchOptions(**fetch) if fetch else None)
        check_values(run)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Undecodable(str(error)) from error
    return run


def check_values(run: Run) -> None:
    """Refuse what no producer writes: a worker has many runs, and none may end it. Raises ValueError, TypeError."""
    if not isinstance(run.id, str) or not RUN_ID.fullmatch(run.id):
        raise ValueError("its name is no name of a run")
    if not isinstance(run.source, str) or not isinstance(run.owner, str):
        raise TypeError("its source or its owner is no text")
    for name in ("finished", "traced"):
        if not isinstance(getattr(run, name), bool):
            raise TypeError(f"whether it is {name} is neither true nor false")
    for name, least, most in BOUNDS:
        value = getattr(run, name)
        if type(value) is not int and (name != "ack_wait_s" or type(value) is not float):
            raise ValueError(f"its {name} is no number")
        if not least <= value <= most:  # which holds for no NaN
            raise ValueError(f"its {name} is not from {least} to {most}")
    plain = FetchOptions([])
    for each in dataclasses.fields(FetchOptions) if run.fetch else ():
        value, usual = getattr(run.fetch, each.name), getattr(plain, each.name)
        kinds = (str, type(None)) if usual is None else (float, int) if type(usual) is float else (type(usual),)
        if type(value) not in kinds:
            raise ValueError(f"its {each.name} cannot be {value!r:.40}")
        if isinstance(value, list) and not all(isinstance(one, str) for one in value):
            raise ValueError(f"its {each.name} has what is no text")


def make_run(options: Options, broker: BrokerSettings, *, traced: bool = False) -> Run:
    """Return the run that a command line asks for."""
    run, tuning = options.run or secrets.token_hex(4), broker.tuning
    fetch = options.fetch
    if fetch is not None:  # these two hold over all workers together, and are the producer's and the broker's work
        plain = FetchOptions([])
        fetch = dataclasses.replace(fetch, rate=0.0, per_host=0, concurrency=plain.concurrency, quiet=False)
    return Run(
        id=run,
        source=f"-n {options.count}" if options.input is None else f"-i {options.input}",
        fetch=fetch,
        queue_size=options.queue_size,
        per_host=options.per_host if fetch else 0,
        partitions=tuning.partitions if fetch and options.per_host else 1,
        batch=max(1, min(tuning.batch, options.queue_size // MIN_IN_HAND)),
        ack_wait_s=tuning.ack_wait_s,
        max_deliveries=tuning.max_deliveries,
        traced=traced,
    )


def differences(asked: Run, stored: Run) -> str:
    """Return what a run was begun with otherwise than a command line asks, as a person types it; empty: nothing."""
    if asked.source != stored.source:
        return printable(stored.source)
    ours, theirs = (
        dict(dataclasses.asdict(run.fetch) if run.fetch else {}, per_host=run.per_host) for run in (asked, stored)
    )
    return ", ".join(typed(name, theirs.get(name)) for name in sorted(ours) if ours[name] != theirs.get(name))


def typed(name: str, value: object) -> str:
    """Return an option as a person types it. The values of fields may be secrets, and are not shown."""
    option = named({name})
    if not value:
        return f"no {option}"
    if value is True:
        return option
    if name == "header":
        return f"another {option}"
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{option} {printable(shlex.quote(shown(each)))}" for each in values)


def shown(value: object) -> str:
    """Return a value as a person types it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
