"""`lab serve`: the embedded lab, standing, for any client on this machine and without Docker.

It says on stdout where everything is once all of it answers, and ends by a signal, at the end of its stdin
(`--until-eof`) or with a command that runs inside it (`-- COMMAND`; see `lab.serving.child_command`).
"""

import asyncio
import json
import os
import resource
import select
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lab.embedded.gateway import EmbeddedDirectory, embedded_gateway
from lab.embedded.sites import LOOPBACK, embedded_sites
from lab.serving.child_command import environment_inside, run_inside
from services.gateway.proxy.responses import Pages
from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import OutputClosed, OutputFailed
from services.runtime.http import Address
from services.runtime.run import Stop, until_stopped
from services.runtime.serving.listen import bind_socket
from services.runtime.serving.serve import serve_app
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, standard_output, write_whole
from services.sites.settings import SitesSettings
from services.sites.tls.authority import CA_FILE

STDIN, STDOUT = 0, 1
READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says.

    `port`: the gateway's, 0 for any; `command`: what runs inside the lab, nothing if the lab stands alone;
    `verbose`: whether stderr says where everything is, although a command has stdout.
    """

    format: str = "text"
    port: int = 0
    until_eof: bool = False
    verbose: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingLab:
    """A lab that stands: the addresses of its gateway and of hello, the file of its CA, and its hosts."""

    gateway: Address
    hello: Address
    ca: Path
    directory: EmbeddedDirectory

    def as_json(self) -> str:
        """Return what the gateway's `/lab` says, in one line."""
        return json.dumps(Pages(self.directory, metrics=str, ca=self.ca).lab(str(self.gateway), at=self.gateway))

    def as_text(self) -> str:
        """Return lines for a person: one for each thing, whatever the temporary directory is called."""
        hosts = [" ".join([host, *urls]) for host, urls in sorted(self.directory.urls().items())]
        return "\n".join(
            [f"gateway {self.gateway.url}", f"ca {printable(str(self.ca))}", f"hello {self.hello.url}", *hosts]
        )


async def run_serve(options: ServeOptions, hello: HelloSettings, sites: SitesSettings, stop: Stop) -> int:
    """Serve the lab until it is to end, and return the exit code: 0, 130 after ^C, or that of the command.

    Raises RecordingUnfit, PortUnavailable, CommandNotStarted, or OutputFailed.
    """
    if not options.command:
        standard_output()  # one that is closed is refused before anything starts
    code = await until_stopped(serve(options, hello, sites, stop), stop)
    if stop.signal is None or code != INTERRUPTED:
        return code
    if options.command:  # it had not begun
        return 128 + stop.signal
    return INTERRUPTED if stop.signal == signal.SIGINT else 0


async def serve(options: ServeOptions, hello: HelloSettings, sites: SitesSettings, stop: Stop) -> int:
    """Start the lab, say that it is ready, and return the exit code when it is to end otherwise than by a signal."""
    ended = asyncio.ensure_future(end_of_stdin() if options.until_eof else asyncio.Event().wait())
    serving = asyncio.ensure_future(serve_while_wanted(options, hello, sites, stop))
    try:
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        if not serving.done():
            serving.cancel()
            await asyncio.wait({serving})
    if serving.cancelled():
        ended.result()  # NoThread, if stdin could not be read
        return 0
    return serving.result()


async def serve_while_wanted(options: ServeOptions, hello: HelloSettings, sites: SitesSettings, stop: Stop) -> int:
    """Serve the lab while the command runs, or until this is cancelled; return the command's exit code."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)  # as the person has it: the lab raises its own
    async with standing_lab(hello, sites, port=options.port) as lab:
        ready = lab.as_json() if options.format == "json" else lab.as_text()
        if options.command:
            if options.verbose:
                say(ready)
            variables = environment_inside(os.environ, gateway=lab.gateway.url, ca=lab.ca, hello=lab.hello.url)
            return await run_inside(options.command, variables, stop, files=files)
        await run_in_daemon_thread(partial(show_ready, ready))
        await asyncio.Event().wait()
    raise AssertionError("unreachable")


def show_ready(text: str) -> None:
    """Write the text to stdout, past Python's buffer, whose lock a blocked thread would hold. It blocks.

    Raises OutputClosed or OutputFailed.
    """
    try:
        write_whole(STDOUT, f"{text}\n".encode())
    except BrokenPipeError as error:
        raise OutputClosed from error
    except OSError as error:
        raise OutputFailed("standard output", error.strerror or str(error)) from error


async def end_of_stdin() -> bool:
    """Return at the end of stdin, or where it cannot be read. Raises NoThread."""
    await run_in_daemon_thread(read_to_end)
    return True


def read_to_end() -> None:
    """Read stdin to its end; a descriptor that another program made non-blocking is waited for. It blocks."""
    with suppress(OSError):
        while True:
            try:
                if not os.read(STDIN, READ_BYTES):
                    return
            except BlockingIOError:
                select.select([STDIN], [], [])


@asynccontextmanager
async def standing_lab(hello: HelloSettings, sites: SitesSettings, *, port: int = 0) -> AsyncIterator[StandingLab]:
    """Serve the lab and its gateway while inside; at the end, what is in flight is cut off.

    `port`: the gateway's. Raises RecordingUnfit or PortUnavailable.
    """
    bind_socket(Address(LOOPBACK.host, port)).close()  # a port that is taken is told before anything is said to play
    async with (
        embedded_sites(replace(sites, drain_s=0)) as running,
        serve_app(make_app(hello), LOOPBACK, drain_s=0) as hello_at,
        embedded_gateway(running, hello_at, port=port) as gateway,
    ):
        assert running.site.settings.ca is not None  # noqa: S101 - for mypy: `embedded_sites` makes one
        yield StandingLab(gateway, hello_at, running.site.settings.ca / CA_FILE, EmbeddedDirectory(running, hello_at))
