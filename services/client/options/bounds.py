"""The options that bound a run, which several commands have: --timeout, --max-head and --max-fields."""

from services.client import defaults
from services.client.options.values import seconds, whole

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one


def add_timeout(parser: "Group", text: str = "seconds for each (%(default)g)") -> None:
    parser.add_argument(
        "--timeout",
        dest="timeout_s",
        metavar="S",
        type=seconds,
        default=defaults.TIMEOUT_S,
        help=text,
    )


def add_head_limits(parser: "Group") -> None:
    size, count = whole(1, 16 * 1024 * 1024), whole(1, 1_000_000)
    parser.add_argument(
        "--max-head", metavar="BYTES", type=size, default=defaults.MAX_HEAD_BYTES, help="of one head (%(default)s)"
    )
    parser.add_argument(
        "--max-fields", metavar="N", type=count, default=defaults.MAX_HEAD_FIELDS, help="of one head (%(default)s)"
    )
