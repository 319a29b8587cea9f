"""`client record`: what its command line asks for, and which module does it: `command` records one URL to the byte,
`several` records more of them or follows redirects, and `har.command` takes a browser's HAR file."""

from dataclasses import dataclass
from pathlib import Path

from services.client.record import command
from services.client.record.command import STANDARD_OUTPUT
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.errors import ProgramError
from services.runtime.run import Stop, until_stopped


@dataclass(frozen=True, slots=True)
class Options:
    """`follow`: redirects too. `har`: the HAR file that is taken in place of URLs. The rest is as in `command`."""

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

    def one(self, url: str, *, ca: str | None) -> command.Options:
        """Return how one URL is recorded."""
        return command.Options(
            url=url,
            name=self.name,
            output=self.output,
            fields=self.fields,
            head_only=self.head_only,
            max_body=self.max_body,
            keep_secrets=self.keep_secrets,
            force=self.force,
            ca=ca,
            insecure=self.insecure,
            timeout_s=self.timeout_s,
        )


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


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Record; 0 if all is kept, 1 if some is not, or a body was cut short, 2 wrong usage, 3 a file, 4 no answer at all,
    130 if stopped."""
    check(options)
    return await until_stopped(record(options, settings.topology, ca=settings.authorities(options.ca)), stop)


async def record(options: Options, topology: Topology, *, ca: str | None = None) -> int:
    """Record what the options ask for, and return the exit code. `ca`: the file of certificate authorities."""
    if options.har is not None:
        from services.client.record.har.command import record_har

        return await record_har(options.one("", ca=ca), Path(options.har))
    if options.is_one:
        return await command.record(options.one(options.urls[0], ca=ca), topology)
    from services.client.record.several import record_several

    return await record_several(options.one("", ca=ca), options.urls, topology, follow=options.follow)
