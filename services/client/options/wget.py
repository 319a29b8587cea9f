"""The options of `client wget`; `services.client.survey.options.Options` has a field for each."""

from argparse import ArgumentParser

from services.client import defaults
from services.client.options.bounds import add_head_limits, add_timeout
from services.client.options.trace import add_trace
from services.client.options.values import field_value, path, per_second, seconds, whole, words

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one

EDITIONS = (defaults.EDITION, "sequential", "yield-from", "await")
FORMATS = (defaults.FORMAT, "jsonl", "csv", "raw")
METHODS = (defaults.METHOD, "HEAD")


def add_wget(parser: ArgumentParser) -> None:
    """Declare the options of `wget`, in groups."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="host, host:port or http(s) URL; none: the tutorial's three"
    )
    parser.add_argument(
        "--edition",
        choices=EDITIONS,
        default=defaults.EDITION,
        help="the survey, or a lesson: one after another, or at once (%(default)s)",
    )
    for title, add in (
        ("what goes in and out", add_wget_files),
        ("how many, how fast, how long", add_wget_bounds),
        ("which heads, and from where", add_wget_requests),
    ):
        add(parser.add_argument_group(title))


def add_wget_files(group: "Group") -> None:
    add = group.add_argument
    add("-i", "--input", metavar="FILE", help="read targets from it, one a line; -: stdin")
    add("--format", choices=FORMATS, default=defaults.FORMAT, help="of the records (%(default)s)")
    add(
        "--columns",
        metavar="NAME,...",
        type=words,
        default=[],
        help="of --format csv: these, in this order (all but those of TLS)",
    )
    add(
        "--only",
        metavar="WHAT,...",
        type=words,
        default=[],
        help="write only these records: 2xx, 301, refused, tls (cannot be resumed)",
    )
    add("-o", "--output", metavar="FILE", help="write there instead of stdout (-)")
    add("--ordered", action="store_true", help="records in the order of their targets")
    add(
        "--resume",
        action="store_true",
        help="go on with FILE where a run was stopped (jsonl, csv; "
        "not what --only, or --columns without line, target and error, wrote)",
    )
    add("--force", action="store_true", help="overwrite FILE even if it holds records of an unfinished run")
    add("-q", "--quiet", action="store_true", help="no progress, no summary")
    add_trace(group)


def add_wget_bounds(group: "Group") -> None:
    add = group.add_argument
    add(
        "-c",
        "--concurrency",
        metavar="N",
        type=whole(1, 100_000),
        default=defaults.CONCURRENCY,
        help="fetches at once (%(default)s)",
    )
    add(
        "--processes",
        metavar="N",
        type=whole(0, 64),
        default=0,
        help="for a long list (0: as many as are worth it; with --trace or --report, one)",
    )
    add_limits(group)
    add_fetch_bounds(group, after_stop="; after ^C, 2 at most")


def add_limits(group: "Group") -> None:
    """Declare the limits that a run sets itself."""
    add = group.add_argument
    add("--per-host", metavar="N", type=whole(0, 100_000), default=0, help="of them to one name or address (no limit)")
    add("--rate", metavar="N", type=per_second, default=0.0, help="requests a second (no limit)")


def add_fetch_bounds(group: "Group", after_stop: str = "") -> None:
    """Declare how long a fetch may take, and how large its head may be. `after_stop`: what ^C changes."""
    add = group.add_argument
    add_timeout(group, f"seconds for a target, redirects and retries included (%(default)g){after_stop}")
    for name, limit_s, phase in (
        ("connect", defaults.CONNECT_TIMEOUT_S, "a connection, and for TLS"),
        ("head", defaults.HEAD_TIMEOUT_S, "a head"),
    ):
        add(
            f"--{name}-timeout",
            dest=f"{name}_timeout_s",
            metavar="S",
            type=seconds,
            default=limit_s,
            help=f"seconds for {phase} (%(default)g)",
        )
    add(
        "--retries", metavar="N", type=whole(0, 100), default=0, help="more attempts after passing errors (%(default)s)"
    )
    add_head_limits(group)


def add_wget_requests(group: "Group") -> None:
    """Declare what is asked for, and of which servers."""
    add = group.add_argument
    add("-L", "--location", dest="follow", action="store_true", help="follow redirects")
    add(
        "--max-redirects",
        metavar="N",
        type=whole(0, 100),
        default=defaults.MAX_REDIRECTS,
        help="at most so many (%(default)s)",
    )
    add("--strict", action="store_true", help="a departure from RFC 9112 is an error")
    add("--ca", metavar="FILE", help="trust these certificates instead of the system's (lab: the lab's)")
    add("-k", "--insecure", action="store_true", help="go on with a certificate that is not trusted, and record why")
    add("--public-only", action="store_true", help="connect to public addresses only")
    add("--allow-net", metavar="CIDR", action="append", default=[], help="with --public-only: and to this network")
    add(
        "--resolve",
        metavar="HOST:PORT:ADDR[:PORT]",
        action="append",
        default=[],
        help="reach a host (*: every host) there",
    )
    add("--method", type=str.upper, choices=METHODS, default=defaults.METHOD, help="of the requests (%(default)s)")
    add(
        "--path",
        metavar="PATH",
        type=path,
        default=defaults.PATH,
        help="asked of a TARGET that names none (%(default)s)",
    )
    add(
        "-H",
        "--header",
        metavar="FIELD",
        action="append",
        default=[],
        help="a request field, `Name: value`; again for more. Redirects elsewhere take only Accept and the like",
    )
    add("-A", "--user-agent", metavar="TEXT", type=field_value, default=defaults.USER_AGENT, help="(%(default)s)")
