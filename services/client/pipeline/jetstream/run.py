"""How one run is worked at: what its producer writes to the registry, and each worker reads there."""

import dataclasses
import json
import secrets
from dataclasses import dataclass

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.options import Options
from services.client.survey.options import Options as FetchOptions

VERSION = 1  # of what is in the messages; a worker of another version leaves the run alone
LEAST_IN_HAND = 4


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
        return json.dumps(dataclasses.asdict(self)).encode()


def decode_run(data: bytes) -> Run:
    """Return the run that a message of the registry describes. Raises Undecodable."""
    try:
        members = json.loads(data)
        if members.get("version") != VERSION:
            raise Undecodable(f"it is of version {members.get('version')!r}, and this program knows {VERSION}")
        fetch = members.pop("fetch")
        return Run(**members, fetch=FetchOptions(**fetch) if fetch else None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Undecodable(str(error)) from error


def make_run(options: Options, broker: BrokerSettings) -> Run:
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
        batch=max(1, min(tuning.batch, options.queue_size // LEAST_IN_HAND)),
        ack_wait_s=tuning.ack_wait_s,
        max_deliveries=tuning.max_deliveries,
    )


def differences(asked: Run, stored: Run) -> list[str]:
    """Return what a command line asks otherwise than the run was begun with, by the names of the options."""
    found = [name for name in ("source", "per_host") if getattr(asked, name) != getattr(stored, name)]
    ours, theirs = (dataclasses.asdict(run.fetch) if run.fetch else {} for run in (asked, stored))
    return found + [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
