"""`python -m services.hello`: serve the application, or supervise several worker processes.

Order of reading: `services.hello.app`, this file, `services.hello.workers`.
"""

import asyncio
import dataclasses
import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below

from services.hello.settings import HelloSettings
from services.hello.workers import announce, supervise
from services.runtime.cli import OptionParser, add_loop_option, add_version_option, main_of
from services.runtime.logs import configure_logs
from services.runtime.process import raise_open_files
from services.runtime.run import Stop, run
from services.runtime.serving.serve import serve_app
from services.runtime.settings import Environment


async def serve(settings: HelloSettings, stop: Stop) -> int:
    """Serve until a stop is requested, and answer requests in flight."""
    from services.hello.app import make_app

    app = make_app(settings)
    if settings.is_worker:
        asyncio.get_running_loop().add_reader(sys.stdin, stop.event.set)  # it ends when the supervisor ends
    async with serve_app(app, settings.where, reuse_port=settings.is_worker, drain_s=settings.drain_s) as address:
        announce(address)
        await stop.event.wait()
    return 0


def program() -> int:
    """Read environment and options, and serve."""
    settings = HelloSettings.from_environment(Environment())
    parser = OptionParser(prog="hello", description="The hello server; its settings are environment variables.")
    add_version_option(parser)
    add_loop_option(parser, default=settings.loop)
    settings = dataclasses.replace(settings, loop=parser.parse_args().loop)
    configure_logs(settings.log_format)
    raise_open_files()
    work = serve if settings.workers == 1 else supervise
    return run(lambda stop: work(settings, stop), loop=settings.loop, announce=not settings.is_worker)


if __name__ == "__main__":
    sys.exit(main_of(program, name="hello"))
