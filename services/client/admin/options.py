"""The options of `client faults` and `client journal`.

The site decides which faults there are, and which values their parameters have. Here are only the names of the
parameters, so that a wrong name is refused before a request is sent; a test compares them with the site's table.
"""

from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence

PARAMETERS = {
    "bytes": "offset in the head, or how many",
    "seconds": "fixed delay",
    "distribution": "of a delay: fixed, uniform, lognormal",
    "least_s": "uniform delay from",
    "most_s": "uniform delay to",
    "median_s": "lognormal delay: its median",
    "sigma": "lognormal delay: its spread",
    "interval_s": "seconds from one drip to the next",
    "bytes_per_s": "rate of a throttle",
    "count": "how many interim responses",
    "status": "status code",
    "retry_after_s": "value of Retry-After",
    "hops": "places in a redirect loop",
}
WHEN = {
    "first": "only the first so many",
    "every": "only every n-th",
    "probability": "only by this chance, 0 to 1",
    "seed": "of everything that chance decides",
    "ttl_s": "only for so many seconds",
    "per": "what is counted: request, connection",
}
TEXTS = {"distribution", "per"}
ACTIONS = ("list", "set", "clear", "reset", "kinds")
FILTERS = {
    "method": "of the request",
    "target": "of the request",
    "fields": 'of the request, as JSON: \'{"accept": "*/*", "cookie": null}\'',
    "head_contains": "ASCII text somewhere in the request's head",
    "body_contains": "text in the first 64 KiB of the request's body",
    "body_bytes": "size of the request's body",
    "body_sha256": "of the request's body, in hex",
    "peer": "address and port",
    "tls": "true or false",
    "connection": "its number",
    "exchange": "number within the connection; 0: no whole request came",
    "status": "status code",
    "response": "the recording's file, or the play: as 'play 3'",
    "fault": "its name; empty: none",
    "generation": "of the plan that its fault is from",
    "ended": "how, as kept or rst; empty: not yet",
    "since": "only entries after this one",
    "limit": "not more than so many, up to 1000",
}

Value = int | float | str


class CollectByName(Action):
    """Collects options in one dictionary, by their names in the admin API."""

    def __call__(
        self,
        _parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[object] | None,
        option: str | None = None,
    ) -> None:
        collected = dict(getattr(namespace, self.dest))
        collected[str(option).removeprefix("--").replace("-", "_")] = values
        setattr(namespace, self.dest, collected)


def option_of(name: str) -> str:
    """Return the option for a name of the admin API."""
    return f"--{name.replace('_', '-')}"


def number(text: str) -> int | float:
    """Return a number: an int if it is whole. Raises ArgumentTypeError."""
    try:
        return int(text[:40]) if text.lstrip("-").isdecimal() and text.isascii() else float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number") from None


def host_name(text: str) -> str:
    """Return the name of a site in lower case. Raises ArgumentTypeError."""
    from services.client.url.host import NoHostName, ascii_host_name

    try:
        name = ascii_host_name(text).lower()
    except NoHostName as error:
        raise ArgumentTypeError(f"{text[:40]!r} is not a host name: {error}") from None
    if not all(each.isalnum() or each in "-._" for each in name):
        raise ArgumentTypeError(f"{text[:40]!r} is not a host name")
    return name


def add_site(parser: ArgumentParser, *, may_be_left_out: bool = False) -> None:
    """Declare the arguments that both commands have."""
    many, more = ("?", "; with --all it may be left out") if may_be_left_out else (None, "")
    parser.add_argument(
        "site", metavar="SITE", type=host_name, nargs=many, help=f"a recorded host, as www.163.com{more}"
    )
    parser.add_argument("--format", choices=("human", "json"), default="human", help="(%(default)s)")


def add_faults(parser: ArgumentParser) -> None:
    """Declare the options of `faults`."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        metavar="ACTION",
        help="list: the plan in force; set: another one; clear: none; reset: the recording's own; kinds: what there is",
    )
    add_site(parser)
    parser.add_argument("fault", metavar="FAULT", nargs="?", help="set: its name (see kinds)")
    parser.add_argument(
        "--plan",
        metavar="JSON",
        help="set: a whole plan, as JSON or the name of a file (- for stdin); what list --format json prints is one",
    )
    parser.set_defaults(parameters={})
    for title, table in (("what the fault does", PARAMETERS), ("who gets it", WHEN)):
        group = parser.add_argument_group(title)
        for name, meaning in table.items():
            group.add_argument(
                option_of(name),
                dest="parameters",
                action=CollectByName,
                metavar="X",
                type=str if name in TEXTS else number,
                help=meaning,
            )


def add_journal(parser: ArgumentParser) -> None:
    """Declare the options of `journal`."""
    add_site(parser, may_be_left_out=True)
    parser.add_argument(
        "--all",
        action="store_true",
        help="show, clear or verify entries of every host that this site's server plays, not of SITE alone; "
        "without SITE, of every host of the lab",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--clear", action="store_true", help="begin it anew")
    what.add_argument(
        "--verify",
        metavar="JSON",
        help="hold it against expectations, as JSON or the name of a file (- for stdin); "
        "without --all, SITE is the host in each match that names none",
    )
    parser.set_defaults(filters={})
    group = parser.add_argument_group("which entries to show (the newest 100, unless told)")
    for name, meaning in FILTERS.items():
        group.add_argument(option_of(name), dest="filters", action=CollectByName, metavar="X", help=meaning)
