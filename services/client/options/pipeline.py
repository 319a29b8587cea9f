"""The options of `client pipeline`; `services.client.pipeline.options.Options` has a field for each."""

from argparse import ArgumentParser

from services.client import defaults
from services.client.options.trace import add_trace
from services.client.options.values import seconds, whole
from services.client.options.wget import add_fetch_bounds, add_limits, add_wget_requests

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one

EDITIONS = (defaults.PIPELINE_EDITION, "queue", "jetstream", "all")
BROKER = (
    "BROKER_URL and BROKER_PASSWORD_FILE name the broker;\n  "
    "BROKER_ACK_WAIT_S and BROKER_GONE_S bound what is waited for.\n  "
    "docs/pipeline.md says what this edition promises."
)
FORMATS = (defaults.FORMAT, "json", "jsonl")


def add_options(parser: ArgumentParser) -> None:
    """Declare the options of `pipeline`, in groups."""
    parser.add_argument(
        "--edition",
        choices=EDITIONS,
        default=defaults.PIPELINE_EDITION,
        help="which concurrency model; all: each of them, and what each costs (%(default)s)",
    )
    for title, add, text in (
        ("what goes in and out", add_files, None),
        ("how many at once", add_bounds, None),
        ("over a broker (--edition jetstream)", add_broker, BROKER),
        ("how a target is fetched (with -i)", add_fetches, None),
    ):
        add(parser.add_argument_group(title, text))


def add_files(group: "Group") -> None:
    add = group.add_argument
    add(
        "-n",
        "--items",
        metavar="N",
        type=whole(0, 10**9),
        help=f"how many numbers are produced ({defaults.PIPELINE_ITEMS})",
    )
    add("-i", "--input", metavar="FILE", help="produce targets instead: read them from it, one a line; -: stdin")
    add(
        "--format",
        choices=FORMATS,
        default=defaults.FORMAT,
        help="of the results; json: an object each, the ledger last; jsonl: the records of `wget` (%(default)s)",
    )
    add("-q", "--quiet", action="store_true", help="no progress, no ledger on stderr")
    add_trace(group)


def add_bounds(group: "Group") -> None:
    for name, default, most, meaning in (
        ("producers", defaults.PRODUCERS, 1_000, "queue: tasks that make items"),
        ("consumers", defaults.CONSUMERS, 10_000, "queue: tasks that do the work"),
        ("queue-size", defaults.QUEUE_SIZE, 1_000_000, "items that may wait, with a broker: or be in work"),
    ):
        group.add_argument(
            f"--{name}", metavar="N", type=whole(1, most), default=default, help=f"{meaning} (%(default)s)"
        )


def add_broker(group: "Group") -> None:
    add = group.add_argument
    add("--run", metavar="ID", help="go on with this run, or print the results of one that is finished")
    add("--forget", metavar="ID", help="remove this run and its results from the broker, and do nothing else")


def add_fetches(group: "Group") -> None:
    group.add_argument(
        "--delay",
        dest="delay_s",
        metavar="S",
        type=seconds,
        default=0.0,
        help="meanwhile the lab's three sites take so many seconds for each answer",
    )
    add_limits(group)
    add_fetch_bounds(group)
    add_wget_requests(group)
