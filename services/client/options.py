"""Every command and option of the client, each declared once; defaults that others need, too, are in `defaults`.

This is what `--help` needs, and all that it imports. A command's handler is a module with a dataclass `Options`, whose
fields are the names declared here, and an `async def main(options, settings, stop)` or, for a command that needs no
loop, a `def run(options)`; it is imported when it is to run.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable

from services.client import defaults
from services.client.admin.options import add_faults, add_journal

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one

EDITIONS = ("survey", "sequential", "yield-from", "await")
COMPARED = ("wget", "hello", "pipeline")
COMPARED_USERS = 5
MOST_COMPARED_USERS = 50  # each is a line of the picture
FORMATS = ("human", "jsonl", "csv", "raw")
METHODS = ("GET", "HEAD")
MOST_PATH_BYTES = 4_000
STDIN = "-"
IN_CONTAINER = "docker compose run --rm client"  # what a person types to run the client
ON_HOST = ".venv/bin/python -m services.client"
A_RECORDING = "services/sites/recordings/www.163.com.http"


class Command:
    """What a command is for, which module handles it, its options, whether it runs on a loop, and examples.

    `examples` are the client's words; `before`: lines of the shell that make what these need.
    """

    __slots__ = ("add_options", "before", "examples", "handler", "has_loop", "summary", "usage")

    def __init__(
        self,
        summary: str,
        handler: str,
        add_options: Callable[[ArgumentParser], None],
        *,
        takes: str = "",
        has_loop: bool = True,
        examples: tuple[str, ...],
        before: tuple[str, ...] = (),
    ) -> None:
        self.summary, self.handler, self.add_options, self.has_loop = summary, handler, add_options, has_loop
        self.usage = f"%(prog)s [OPTIONS] {takes}".rstrip()
        self.examples, self.before = examples, before


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


def add_timeout(parser: "Group", text: str = "seconds for each (%(default)g)") -> None:
    """Declare --timeout."""
    parser.add_argument(
        "--timeout",
        dest="timeout_s",
        metavar="S",
        type=seconds,
        default=defaults.TIMEOUT_S,
        help=text,
    )


def per_second(text: str) -> float:
    """Read a rate, up to a million a second; 0 is no limit."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number a second from 0 to 1,000,000")
    return value


def field_value(text: str) -> str:
    """Read a value that can stand in a request's field: visible ASCII and spaces."""
    if not (text and text.isascii() and text.isprintable() and len(text) <= 1_000):
        raise ArgumentTypeError("a field value is 1 to 1,000 visible ASCII characters")
    return text


def words(text: str) -> list[str]:
    """Read words with commas between them."""
    found = [word.strip() for word in text.split(",")]
    if "" in found or len(set(found)) < len(found):
        raise ArgumentTypeError(f"{text[:40]!r} is not a list of words, each once, with commas between them")
    return found


def path(text: str) -> str:
    """Read a path, maybe with a query (RFC 3986)."""
    is_sent = text.isascii() and text.isprintable() and not set(" #") & set(text)
    if not (text.startswith("/") and is_sent and len(text) <= MOST_PATH_BYTES):
        raise ArgumentTypeError(
            f"{text[:40]!r} is not a path: it begins with / and has no space, # or character beyond ASCII"
        )
    return text


def add_wget(parser: ArgumentParser) -> None:
    """Declare the options of `wget`; `services.client.survey.options.Options` has a field for each."""
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
    """Declare input and output."""
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


def add_wget_bounds(group: "Group") -> None:
    """Declare bounds and deadlines."""
    add = group.add_argument
    add(
        "-c",
        "--concurrency",
        metavar="N",
        type=whole(1, 100_000),
        default=defaults.CONCURRENCY,
        help="fetches at once (%(default)s)",
    )
    add("--processes", metavar="N", type=whole(0, 64), default=0, help="for a long list (0: as many as are worth it)")
    add("--per-host", metavar="N", type=whole(0, 100_000), default=0, help="of them to one name or address (no limit)")
    add("--rate", metavar="N", type=per_second, default=0.0, help="requests a second (no limit)")
    add_timeout(group, "seconds for a target, redirects and retries included (%(default)g); after ^C, 2 at most")
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


def add_compare(parser: ArgumentParser) -> None:
    """Declare the options of `compare`."""
    parser.add_argument(
        "what", nargs="?", choices=COMPARED, default=COMPARED[0], help=f"what is compared ({COMPARED[0]})"
    )
    parser.add_argument(
        "--users",
        metavar="N",
        type=whole(1, MOST_COMPARED_USERS),
        help=f"hello: how many users ask, 1 to {MOST_COMPARED_USERS} ({COMPARED_USERS})",
    )
    parser.add_argument("--format", choices=("human", "json"), default="human", help="(%(default)s)")
    add_timeout(parser)


def add_record(parser: ArgumentParser) -> None:
    """Declare the options of `record`."""
    from services.runtime.playable import MAX_HEAD_BYTES, MAX_RECORDING_BYTES

    most = MAX_RECORDING_BYTES - MAX_HEAD_BYTES  # with the largest head, what a site plays
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
        type=whole(0, most),
        default=most,
        help="leave a larger body out (%(default)s)",
    )
    parser.add_argument("--keep-secrets", action="store_true", help="do not mask cookies, tokens and the like")
    parser.add_argument("--force", action="store_true", help="replace a recording that is there")
    parser.add_argument("--ca", metavar="FILE", help="trust these certificate authorities (PEM; lab: the lab's)")
    parser.add_argument("-k", "--insecure", action="store_true", help="do not verify the server's certificate")
    add_timeout(parser)


def add_parse(parser: ArgumentParser) -> None:
    """Declare the options of `parse`."""
    parser.add_argument("file", metavar="FILE", nargs="?", default=STDIN, help="a raw response (default: stdin)")
    parser.add_argument("--strict", action="store_true", help="refuse what departs from RFC 9112")
    add_head_limits(parser)


def add_head_limits(parser: "Group") -> None:
    """Declare the limits of one head."""
    size, count = whole(1, 16 * 1024 * 1024), whole(1, 1_000_000)
    parser.add_argument(
        "--max-head", metavar="BYTES", type=size, default=defaults.MAX_HEAD_BYTES, help="of one head (%(default)s)"
    )
    parser.add_argument(
        "--max-fields", metavar="N", type=count, default=defaults.MAX_HEAD_FIELDS, help="of one head (%(default)s)"
    )


TOUR = Command(
    "all three programs of the tutorial",
    "services.client.tour",
    add_timeout,
    examples=("", "--loop uvloop", "wget --help"),
)
COMMANDS = {
    "wget": Command(
        "fetch response heads",
        "services.client.wget.command",
        add_wget,
        takes="[TARGET ...]",
        examples=(
            "wget www.163.com https://www.sohu.com/ --ca lab",
            "wget -i hosts.txt --format jsonl -o heads.jsonl --resume",
            "wget -i hosts.txt --format csv --columns target,status,server --only 2xx",
            "wget -i - --method HEAD --path /robots.txt --rate 50 < hosts.txt",
        ),
        before=("printf '%s\\n' www.163.com www.sohu.com > hosts.txt",),
    ),
    "compare": Command(
        "one after another and at once: measured, and drawn on one time axis",
        "services.client.compare.command",
        add_compare,
        takes="[wget|hello|pipeline]",
        examples=("compare", "compare hello", "compare --loop uvloop --format json"),
    ),
    "pipeline": Command(
        "run the producer/consumer pipeline",
        "services.client.pipeline.command",
        add_pipeline,
        examples=("pipeline -n 3",),
    ),
    "record": Command(
        "keep a response to the byte, for a site to play",
        "services.client.record.command",
        add_record,
        takes="URL",
        examples=(
            "record http://www.163.com/ -o -",
            "record http://www.sohu.com/ --head-only --name copy.test --force",
        ),
    ),
    "hello": Command(
        "let N users at once ask the hello server",
        "services.client.hello",
        add_hello,
        examples=("hello --users 1000 --loop uvloop",),
    ),
    "parse": Command(
        "read one raw response head, and print it as JSON",
        "services.client.parse",
        add_parse,
        takes="[FILE]",
        has_loop=False,
        examples=(f"parse {A_RECORDING}", f"parse --strict < {A_RECORDING}"),
    ),
    "faults": Command(
        "what a site does wrong: list, set, clear, reset, kinds",
        "services.client.admin.faults",
        add_faults,
        takes="ACTION SITE [FAULT]",
        examples=(
            "faults kinds www.163.com",
            "faults set www.163.com rst_at --bytes 40 --first 1",
            "faults clear www.163.com",
        ),
    ),
    "journal": Command(
        "what a site got and sent",
        "services.client.admin.journal",
        add_journal,
        takes="SITE",
        examples=(
            "journal www.163.com --limit 10",
            """journal www.163.com --verify '{"expect": [{"match": {"status": 503}, "count": 0}]}'""",
        ),
    ),
}
