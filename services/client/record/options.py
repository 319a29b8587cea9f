"""What the command line of `client record` asks for, and which of its options do not go together."""

from dataclasses import dataclass

from services.runtime.errors import ProgramError

STANDARD_OUTPUT = "-"


@dataclass(frozen=True, slots=True)
class Options:
    """`urls`: what is recorded; `follow`: redirects too; `har`: the HAR file that is taken in place of URLs.

    `name`: the host it is recorded as, if not the URL's. `max_body`: bytes; a larger body is left out.
    """

    urls: list[str]
    follow: bool
    har: str | None
    name: str | None
    output: str
    fields: list[str]
    head_only: bool
    max_body: int
    keep_secrets: bool
    force: bool
    ca: str | None
    insecure: bool
    timeout_s: float

    @property
    def is_one(self) -> bool:
        """Whether one response is recorded, as the host's own."""
        return len(self.urls) == 1 and not self.follow


class CannotCombine(ProgramError):
    """Options that do not go together."""


def check(options: Options) -> None:
    """Raise CannotCombine for options that do not go together."""
    if not options.urls and options.har is None:
        raise CannotCombine("record: no URL was given: give one or more, or --har FILE")
    if options.har is not None:
        online = {"URL": options.urls, "-L": options.follow, "-H": options.fields, "--ca": options.ca}
        if given := [name for name, value in (online | {"-k": options.insecure}).items() if value]:
            raise CannotCombine(f"record: --har asks no server, so it goes without {' and '.join(given)}")
    if not options.is_one and options.name is not None:
        raise CannotCombine("record: --name is for one URL without -L: leave it out, or record each by itself")
    if not options.is_one and options.output == STANDARD_OUTPUT:
        raise CannotCombine("record: -o - is for one URL without -L: choose a directory")
