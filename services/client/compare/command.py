"""`client compare [wget|hello|pipeline]`: why at once is faster, measured and drawn.

On stdout is the picture or, with --format json, all that was recorded.
"""

import json
from dataclasses import dataclass

from services.client.compare import hello, picture, pipeline, wget
from services.client.compare.runs import Comparison, comparison_json
from services.client.defaults import COMPARED_USERS
from services.client.errors import NOTHING_ANSWERED
from services.client.settings import ClientSettings
from services.client.trace.kept import Kept
from services.client.trace.recording import Recording, recording
from services.client.trace.terminal import Terminal
from services.client.wget.edition import exit_code
from services.runtime.errors import ProgramError
from services.runtime.run import Stop, until_stopped
from services.runtime.terminal import show, standard_output


@dataclass(frozen=True, slots=True)
class Options:
    """`what` is compared; `users`: of hello alone, `delay_s`: of wget alone, None unless given.

    `timeout_s`: for each fetch.

    `trace`, `report`: the files that it is recorded into; None: into none.
    """

    what: str
    users: int | None
    format: str
    timeout_s: float
    trace: str | None = None
    report: str | None = None
    delay_s: float | None = None


class Contradiction(ProgramError):
    """Options that do not go together."""


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Compare; 0 if everything was done, 1 if some was, 4 if nothing answered, 130 if a stop came first."""
    check(options)
    async with recording(Kept(options.trace, options.report, settings.command), "compare") as run:
        run.exit_code = await until_stopped(measure_and_show(options, settings, run), stop)
    return run.exit_code


def check(options: Options) -> None:
    """Refuse options that contradict each other. Raises Contradiction."""
    if options.users is not None and options.what != "hello":
        raise Contradiction(f"compare {options.what} has no --users: leave it out, or compare hello")
    if options.delay_s is not None and options.what != "wget":
        raise Contradiction(f"compare {options.what} has no --delay: leave it out, or compare wget")


async def measure_and_show(options: Options, settings: ClientSettings, run: Recording) -> int:
    """Measure, and show the result if anything answered; for what did not, there are lines on stderr already."""
    comparison = await measure(options, settings, run if run.is_kept else None)
    code = exit_code(comparison.answers)
    if code == NOTHING_ANSWERED:
        return code
    if options.format == "json":
        show(json.dumps(comparison_json(comparison)))
    else:
        show(picture.picture(comparison, Terminal.of(standard_output())))
    return code


async def measure(options: Options, settings: ClientSettings, run: Recording | None = None) -> Comparison:
    """Return what was measured. `run`: where it is recorded, if that is to be kept."""
    match options.what:
        case "hello":
            users = COMPARED_USERS if options.users is None else options.users
            return await hello.compare(settings, users=users, timeout_s=options.timeout_s, recording=run)
        case "pipeline":
            return await pipeline.compare(recording=run)
        case _:
            return await wget.compare(settings, timeout_s=options.timeout_s, delay_s=options.delay_s, recording=run)
