"""The options --trace and --report, which every command has that can be recorded."""

from argparse import ArgumentTypeError

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from argparse import _ActionsContainer as Group  # what takes options: a parser, or a group of one


def add_trace(group: "Group", *, default: str | None = None) -> None:
    """Declare them. `default`: the trace where --trace is not given; None: there is none."""
    usual = " (%(default)s)" if default else ""
    group.add_argument(
        "--trace",
        metavar="FILE",
        type=file_name,
        default=default,
        help=f"record it there, as Perfetto opens it; into a pipe, as it comes{usual}",
    )
    group.add_argument(
        "--report",
        metavar="FILE",
        type=file_name,
        help="draw it there, as one HTML file; a name with .zh.html: in Chinese",
    )


def file_name(text: str) -> str:
    """Return the text of an option. Raises ArgumentTypeError for an empty one, as of a variable that is unset."""
    if not text:
        raise ArgumentTypeError("it is empty: name a file")
    return text
