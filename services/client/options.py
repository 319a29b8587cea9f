"""Every command and option of the client, each declared once.

This is what `--help` needs, and all that it imports. A command's handler is a module with a dataclass `Options`, whose
fields are the names declared here, and an `async def main(options, settings, stop)` or, for a command that needs no
loop, a `def run(options)`; it is imported when it is to run.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import NamedTuple

from services.client.site_options import add_faults, add_journal

EDITIONS = ("await", "yield-from")
TIMEOUT_S = 10.0
MAX_BODY_BYTES = 8 * 1024 * 1024 - 256 * 1024  # with the largest head, what a site plays at most
STDIN = "-"


class Command(NamedTuple):
    """What a command is for, which module handles it, which options it has, and whether it runs on a loop."""

    summary: str
    handler: str
    add_options: Callable[[ArgumentParser], None]
    has_loop: bool = True


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
            raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least:,} to {most:,}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a number of seconds, up to an hour."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds above 0, up to 3600")
    return value


def add_timeout(parser: ArgumentParser) -> None:
    """Declare --timeout."""
    parser.add_argument(
        "--timeout",
        dest="timeout_s",
        metavar="S",
        type=seconds,
        default=TIMEOUT_S,
        help="seconds for each (%(default)g)",
    )


def add_wget(parser: ArgumentParser) -> None:
    """Declare the options of `wget`."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="host or host:port; none: the tutorial's three")
    parser.add_argument("--edition", choices=EDITIONS, default=EDITIONS[0], help="of the tutorial (%(default)s)")
    add_timeout(parser)


def add_pipeline(parser: ArgumentParser) -> None:
    """Declare the options of `pipeline`."""
    parser.add_argument(
        "-n",
        "--items",
        metavar="N",
        type=whole(0, 10**9),
        default=5,
        help="how many are produced (%(default)s)",
    )


def add_hello(parser: ArgumentParser) -> None:
    """Declare the options of `hello`."""
    parser.add_argument(
        "--users",
        metavar="N",
        type=whole(1, 1_000_000),
        default=100,
        help="how many ask at once (%(default)s)",
    )
    add_timeout(parser)


def add_record(parser: ArgumentParser) -> None:
    """Declare the options of `record`."""
    parser.add_argument("url", metavar="URL", help="http or https; a bare host is http")
    parser.add_argument("--name", metavar="HOST", help="the host it is recorded as (the URL's)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default="recordings",
        help="where HOST.http and HOST.toml go; - writes the bytes alone to standard output (%(default)s)",
    )
    parser.add_argument(
        "-H",
        "--header",
        dest="fields",
        metavar="FIELD",
        action="append",
        default=[],
        help="a request field, `Name: value`; again for more",
    )
    parser.add_argument("--head-only", action="store_true", help="leave the body out")
    parser.add_argument(
        "--max-body",
        metavar="BYTES",
        type=whole(0, MAX_BODY_BYTES),
        default=MAX_BODY_BYTES,
        help="leave a larger body out (%(default)s)",
    )
    parser.add_argument("--keep-secrets", action="store_true", help="do not mask cookies, tokens and the like")
    parser.add_argument("--force", action="store_true", help="replace a recording that is there")
    parser.add_argument("--ca", metavar="FILE", help="trust these certificate authorities (PEM)")
    parser.add_argument("-k", "--insecure", action="store_true", help="do not verify the server's certificate")
    add_timeout(parser)


def add_parse(parser: ArgumentParser) -> None:
    """Declare the options of `parse`."""
    parser.add_argument("file", metavar="FILE", nargs="?", default=STDIN, help="a raw response (default: stdin)")
    parser.add_argument("--strict", action="store_true", help="refuse what departs from RFC 9112")
    add_head_limits(parser)


def add_head_limits(parser: ArgumentParser) -> None:
    """Declare the limits of one head."""
    size, count = whole(1, 16 * 1024 * 1024), whole(1, 1_000_000)
    parser.add_argument("--max-head", metavar="BYTES", type=size, default=262_144, help="of one head (%(default)s)")
    parser.add_argument("--max-fields", metavar="N", type=count, default=1_000, help="of one head (%(default)s)")


TOUR = Command("all three programs of the tutorial", "services.client.tour", add_timeout)
COMMANDS = {
    "wget": Command("fetch response heads", "services.client.wget.command", add_wget),
    "pipeline": Command("run the producer/consumer pipeline", "services.client.pipeline.command", add_pipeline),
    "record": Command("keep a response to the byte, for a site to play", "services.client.record.command", add_record),
    "hello": Command("ask the hello server as many users at once", "services.client.hello", add_hello),
    "parse": Command(
        "read one raw response head, and print it as JSON", "services.client.parse", add_parse, has_loop=False
    ),
    "faults": Command("what a site does wrong: list, set, clear, reset", "services.client.faults", add_faults),
    "journal": Command("what a site got and sent", "services.client.journal", add_journal),
}
