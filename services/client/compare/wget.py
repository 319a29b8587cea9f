"""The tutorial's three sites, fetched by `sequential` and by `await_`."""

from collections.abc import Mapping
from math import ceil

from services.client.compare.delays import delayed
from services.client.compare.runs import Comparison, compared
from services.client.settings import ClientSettings
from services.client.trace.pieces import Ended
from services.client.trace.recorder import Recorder
from services.client.trace.recording import Recording
from services.client.wget import await_
from services.client.wget.edition import fetched

DELAYS_S = {"www.sina.com.cn": 0.55, "www.sohu.com": 0.5, "www.163.com": 0.45}
"""About as long as real sites take; three different times, so that the picture shows three different bars."""
SPARE_S = 10


def delays(delay_s: float | None) -> Mapping[str, float]:
    """Return how long each site takes: all of them `delay_s`, or None for about as long as the real ones."""
    return DELAYS_S if delay_s is None else dict.fromkeys(DELAYS_S, delay_s)


async def compare(
    settings: ClientSettings, *, timeout_s: float, delay_s: float | None = None, recording: Recording | None = None
) -> Comparison:
    """Fetch the three sites by both lessons, each fetch within `timeout_s`; a line on stderr for each that fails.

    `delay_s`: how long each site takes to answer; None: about as long as the real one.
    """
    delays_s = delays(delay_s)

    async def fetch(host: str, recorder: Recorder) -> Ended:
        return await fetched(
            host, settings.topology, wget=await_.wget, timeout_s=timeout_s, recorder=recorder if recording else None
        )

    longest_s = min(3600, ceil(timeout_s * (len(delays_s) + 1)) + SPARE_S)
    async with delayed(settings, delays_s, for_s=longest_s, program="compare"):
        return await compared("wget", fetch, tuple(delays_s), recording=recording)
