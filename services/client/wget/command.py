"""`client wget`: the header survey or, with --edition, one of the tutorial's programs.

Whatever can be refused is refused first, in one line, before anything is written or fetched: see `survey.options`,
`survey.targets` for an input that cannot be read, and `survey.results.file` for an output that cannot be written or
resumed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from services.client import defaults
from services.client.settings import ClientSettings
from services.client.survey.options import Options, check
from services.client.wget import tutorial
from services.runtime.run import Stop, until_stopped

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

SEQUENTIAL = "sequential"  # the edition that fetches one after another


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Fetch every target; 0 if all answered, 1 if some did, 4 if none did, 130 if a stop came first."""
    if options.output == "-":
        options = replace(options, output=None)
    if options.ca is not None:
        options = replace(options, ca=settings.authorities(options.ca))
    check(options)
    if not options.is_recorded:
        return await fetch(options, settings, stop)

    from services.client.trace.kept import Kept
    from services.client.trace.recording import recording

    given = None if options.input == "-" else options.input
    kept = Kept(options.trace, options.report, settings.command, (("--input", given), ("--output", options.output)))
    async with recording(kept, "wget", quiet=options.quiet) as run:
        mode = "one after another" if options.edition == SEQUENTIAL else "at once"
        run.exit_code = await fetch(options, settings, stop, recorder=run.new(mode=mode))
    return run.exit_code


async def fetch(options: Options, settings: ClientSettings, stop: Stop, *, recorder: "Recorder | None" = None) -> int:
    """Fetch every target, and return the exit code. `recorder`: where it is traced."""
    if options.edition != defaults.EDITION:
        fetching = tutorial.fetch_all(
            options.targets,
            settings.topology,
            edition=options.edition,
            timeout_s=options.timeout_s,
            recorder=recorder,
        )
        return await until_stopped(fetching, stop)

    from services.client.survey.survey import run_survey

    return await run_survey(options, settings, stop, recorder=recorder)
