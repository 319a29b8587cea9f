"""`client record`: which module does what its command line asks for. `command` records one URL to the byte, `several`
records more of them or follows redirects, and `har.command` takes a browser's HAR file."""

import asyncio
from dataclasses import replace
from pathlib import Path

from services.client.record import command
from services.client.record.files import refuse_unwritable
from services.client.record.options import STANDARD_OUTPUT, Options, check
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.run import Stop, until_stopped


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Record; 0 if all is kept, 1 if some is not, or a body was cut short, 2 wrong usage, 3 a file, 4 no answer at all,
    130 if stopped."""
    check(options)
    return await until_stopped(record(replace(options, ca=settings.authorities(options.ca)), settings.topology), stop)


async def record(options: Options, topology: Topology) -> int:
    """Record what the options ask for, and return the exit code. Raises ProgramError."""
    if options.output != STANDARD_OUTPUT:
        await asyncio.to_thread(refuse_unwritable, Path(options.output))  # before anything is asked
    if options.har is not None:
        from services.client.record.har.command import record_har

        return await record_har(options, options.har)
    if options.is_one:
        return await command.record(options, topology)
    from services.client.record.several import record_several

    return await record_several(options, topology)
