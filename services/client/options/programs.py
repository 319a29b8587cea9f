"""The options of the smaller commands, each with a field in its handler's `Options`."""

from argparse import REMAINDER, ArgumentParser

from services.client import defaults
from services.client.options.bounds import add_head_limits, add_timeout
from services.client.options.trace import add_trace
from services.client.options.values import seconds, whole

COMPARED = ("wget", "hello", "pipeline")
MAX_COMPARED_USERS = 50  # each is a line of the picture
STDIN = "-"
REPORT_LANGUAGES = ("en", "zh")


def add_pipeline(parser: ArgumentParser) -> None:
    from services.client.options.pipeline import add_options

    add_options(parser)


def add_worker(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--concurrency",
        metavar="N",
        type=whole(1, 10_000),
        default=defaults.WORKER_CONCURRENCY,
        help="how many jobs of one run it works at, at once (%(default)s)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors on stderr")
    add_trace(parser)


def add_hello(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--users",
        metavar="N",
        type=whole(1, 1_000_000),
        default=defaults.HELLO_USERS,
        help="how many ask at once (%(default)s)",
    )
    add_timeout(parser)
    add_trace(parser)


def add_compare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=COMPARED, default=COMPARED[0], help=f"what is compared ({COMPARED[0]})"
    )
    parser.add_argument(
        "--users",
        metavar="N",
        type=whole(1, MAX_COMPARED_USERS),
        help=f"hello: how many users ask, 1 to {MAX_COMPARED_USERS} ({defaults.COMPARED_USERS})",
    )
    parser.add_argument(
        "--delay",
        dest="delay_s",
        metavar="S",
        type=seconds,
        help="wget: how long each site takes to answer, in seconds (0.55, 0.5 and 0.45)",
    )
    parser.add_argument("--format", choices=("human", "json"), default="human", help="(%(default)s)")
    add_timeout(parser)
    add_trace(parser)


def add_trace_program(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("words", metavar="SCRIPT.py [ARGS]", nargs=REMAINDER, help="the program, and what follows is its own")
    add("-m", dest="module", metavar="MODULE [ARGS]", nargs=REMAINDER, default=[], help="run a module instead")
    add_trace(parser, default=defaults.TRACE)
    add(
        "--held",
        dest="held_s",
        metavar="S",
        type=seconds,
        default=defaults.HELD_S,
        help="note calls that hold the loop for longer, in seconds (%(default)g)",
    )
    add("--no-places", dest="places", action="store_false", help="note no functions and lines: half the overhead")
    add("-q", "--quiet", action="store_true", help="say nothing of the recording")


def add_record(parser: ArgumentParser) -> None:
    from services.runtime.playable import MAX_HEAD_BYTES, MAX_RECORDING_BYTES

    most = MAX_RECORDING_BYTES - MAX_HEAD_BYTES  # with the largest head, what a site plays
    parser.add_argument("urls", metavar="URL", nargs="*", help="http or https; a bare host is http")
    parser.add_argument("-L", "--location", dest="follow", action="store_true", help="record redirects along the way")
    parser.add_argument("--har", metavar="FILE", help="record from a browser's HAR file instead; no server is asked")
    parser.add_argument("--name", metavar="HOST", help="the host it is recorded as (the URL's)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        default="recordings",
        help="where HOST.http and HOST.toml go, and for more of a host HOST/NAME.http; - writes the bytes of one "
        "URL alone to standard output (%(default)s)",
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
        type=whole(0, most),
        default=most,
        help="leave a larger body out (%(default)s)",
    )
    parser.add_argument("--keep-secrets", action="store_true", help="do not mask cookies, tokens and the like")
    parser.add_argument("--force", action="store_true", help="replace a recording that is there")
    parser.add_argument("--ca", metavar="FILE", help="trust these certificate authorities (PEM; lab: the lab's)")
    parser.add_argument("-k", "--insecure", action="store_true", help="do not verify the server's certificate")
    add_timeout(parser, "seconds for all of it (%(default)g)")


def add_report(parser: ArgumentParser) -> None:
    parser.add_argument("traces", metavar="TRACE", nargs="+", help="a file of --trace; several are drawn together")
    parser.add_argument(
        "--command", dest="made_by", metavar="TEXT", default="", help="what made them, as the report is to say it"
    )
    parser.add_argument("--language", choices=REPORT_LANGUAGES, default=REPORT_LANGUAGES[0], help="(%(default)s)")


def add_parse(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", default=STDIN, help="a raw response (default: stdin)")
    parser.add_argument("--strict", action="store_true", help="refuse what departs from RFC 9112")
    add_head_limits(parser)
