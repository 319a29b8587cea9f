"""The editions of wget by their names: lesson 1, `sequential`, and the tutorial's own two, `yield-from` and `await`.

What a survey of many hosts needs beyond them is in `services.client.survey`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.client.settings import TUTORIAL_HOSTS
from services.client.topology import Topology
from services.client.wget import await_, sequential, yield_from
from services.client.wget.edition import Edition, run_edition

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

EDITIONS = {
    "sequential": Edition(sequential.wget, sequential.fetch_all),
    "yield-from": Edition(yield_from.wget, yield_from.fetch_all),
    "await": Edition(await_.wget, await_.fetch_all),
}


async def fetch_all(
    targets: Sequence[str], topology: Topology, *, edition: str, timeout_s: float, recorder: "Recorder | None" = None
) -> int:
    """Fetch every target (none: the tutorial's three) with an edition, and return an exit code, as `run_edition`."""
    work = run_edition(EDITIONS[edition], targets or TUTORIAL_HOSTS, topology, timeout_s=timeout_s, recorder=recorder)
    return await (recorder.record(work, name=edition) if recorder else work)
