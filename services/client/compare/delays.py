"""Sites that take as long as real ones: a delay that each is asked for, for as long as a comparison runs.

It is a temporary plan of the site's: the plan before it comes back with all that it has seen, whatever ends the
comparison. Where that is a kill, the site ends it by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.client.admin.api import Answer, ask
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.runtime.terminal import printable, say

ASK_TIMEOUT_S = 5.0


@asynccontextmanager
async def delayed(settings: ClientSettings, delays_s: Mapping[str, float], *, for_s: int) -> AsyncIterator[None]:
    """Let each site wait so many seconds with its answers while inside, and not longer than `for_s` in all.

    A site that cannot be asked stays as it is, and a line on stderr says so.
    """
    # A stop must not come between a site's taking the delay and our knowing of it.
    lending = asyncio.ensure_future(lend_all(settings, delays_s, for_s=for_s))
    try:
        await asyncio.shield(lending)
        yield
    finally:
        generations = await lending
        await asyncio.gather(*(take_back(settings, site, each, for_s=for_s) for site, each in generations.items()))


async def lend_all(settings: ClientSettings, delays_s: Mapping[str, float], *, for_s: int) -> dict[str, int]:
    """Ask every site for its delay, and return the generation of the plan of each that took it."""
    taken = await asyncio.gather(*(lend(settings, site, each, for_s=for_s) for site, each in delays_s.items()))
    return {site: generation for site, generation in zip(delays_s, taken, strict=True) if generation is not None}


async def lend(settings: ClientSettings, site: str, delay_s: float, *, for_s: int) -> int | None:
    """Ask a site for a delay, and return the generation of its plan; None where it cannot be asked."""
    plan = {"faults": [{"fault": "delay", "seconds": delay_s}]}
    try:
        answer = await asked(settings, site, "PUT", body=plan, query={"for_s": str(for_s)})
        generation = answer.data.get("generation")
        if answer.status == 200 and isinstance(generation, int):
            return generation
        reason = f"its admin side answered {answer.status}"
    except FetchError as error:
        reason = str(error)
    say(printable(f"compare: {site} cannot be asked for a delay, so it is measured as it is: {reason}"))
    return None


async def take_back(settings: ClientSettings, site: str, generation: int, *, for_s: int) -> None:
    """Let a site be as it was before."""
    try:
        answer = await asked(settings, site, "DELETE", query={"generation": str(generation)})
        reason = "" if answer.status == 200 else f"its admin side answered {answer.status}"
    except FetchError as error:
        reason = str(error)
    if reason:
        say(printable(f"compare: {site} keeps its delay for {for_s} s at most: {reason}"))


async def asked(
    settings: ClientSettings, site: str, method: str, *, body: object = None, query: Mapping[str, str]
) -> Answer:
    """Put a question about the temporary plan of a site. Raises FetchError where nothing answers in time."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            return await ask(settings, site, method, f"/faults/{site}/temporary", body=body, query=query)
    except TimeoutError as error:
        raise FetchError("head_timeout", f"the admin side gave no answer within {ASK_TIMEOUT_S:g} s") from error
