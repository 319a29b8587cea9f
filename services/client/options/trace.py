"""The options --trace and --report, which every command has that can be recorded."""

from services.runtime.cli import not_empty

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one


def add_trace(group: "Group", *, default: str | None = None) -> None:
    """Declare them. `default`: the trace where --trace is not given; None: there is none."""
    usual = " (%(default)s)" if default else ""
    group.add_argument(
        "--trace",
        metavar="FILE",
        type=not_empty("name a file"),
        default=default,
        help=f"record it there, as Perfetto opens it; into a pipe, as it comes{usual}",
    )
    group.add_argument(
        "--report",
        metavar="FILE",
        type=not_empty("name a file"),
        help="draw it there, as one HTML file; a name with .zh.html: in Chinese",
    )
