"""Sites that take as long as real ones: each gets a fault plan with a delay, for as long as a program runs.

The plan is a temporary one: when it ends, the site goes on with the plan that it had before, and with that one's
counts. If the program is killed, the site itself ends the temporary plan after some time.
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
async def delayed(
    settings: ClientSettings, delays_s: Mapping[str, float], *, for_s: int, program: str
) -> AsyncIterator[None]:
    """Delay the answers of each site by so many seconds while inside, for at most `for_s` in all.

    A site whose admin side does not answer stays as it is, and a line on stderr says so, which begins with `program`.
    """
    # A cancellation must not lose a generation: without it, the plan cannot be removed.
    setting = asyncio.ensure_future(set_delays(settings, delays_s, for_s=for_s, program=program))
    try:
        await asyncio.shield(setting)
        yield
    finally:
        generations = await setting
        await asyncio.gather(
            *(remove_delay(settings, site, each, for_s=for_s, program=program) for site, each in generations.items())
        )


async def set_delays(
    settings: ClientSettings, delays_s: Mapping[str, float], *, for_s: int, program: str
) -> dict[str, int]:
    """Set the delay of every site, and return the generation of the plan of each site that has one now."""
    set_now = await asyncio.gather(
        *(set_delay(settings, site, each, for_s=for_s, program=program) for site, each in delays_s.items())
    )
    return {site: generation for site, generation in zip(delays_s, set_now, strict=True) if generation is not None}


async def set_delay(settings: ClientSettings, site: str, delay_s: float, *, for_s: int, program: str) -> int | None:
    """Set the delay of a site, and return the generation of its plan; None where that failed."""
    plan = {"faults": [{"fault": "delay", "seconds": delay_s}]}
    try:
        answer = await ask_temporary(settings, site, "PUT", body=plan, query={"for_s": str(for_s)})
        generation = answer.data.get("generation")
        if answer.status == 200 and isinstance(generation, int):
            return generation
        reason = f"its admin side answered {answer.status}"
    except FetchError as error:
        reason = str(error)
    say(printable(f"{program}: {site} cannot be asked for a delay, so it is measured as it is: {reason}"))
    return None


async def remove_delay(settings: ClientSettings, site: str, generation: int, *, for_s: int, program: str) -> None:
    """End the temporary plan of this generation."""
    try:
        answer = await ask_temporary(settings, site, "DELETE", query={"generation": str(generation)})
        reason = "" if answer.status == 200 else f"its admin side answered {answer.status}"
    except FetchError as error:
        reason = str(error)
    if reason:
        say(printable(f"{program}: {site} keeps its delay for {for_s} s at most: {reason}"))


async def ask_temporary(
    settings: ClientSettings, site: str, method: str, *, body: object = None, query: Mapping[str, str]
) -> Answer:
    """Send a request about the temporary plan of a site. Raises FetchError where no answer comes in time."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            return await ask(settings, site, method, f"/faults/{site}/temporary", body=body, query=query)
    except TimeoutError as error:
        raise FetchError("head_timeout", f"the admin side gave no answer within {ASK_TIMEOUT_S:g} s") from error
