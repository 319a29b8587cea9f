"""A system that has no more to give for a new connection: one line of the log says so, once, and what to do.

asyncio tells its exception handler of each try to accept one, with a traceback, and tries again a second later. uvloop
tells of none.
"""

import asyncio
import errno
import logging

LACKING = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}  # those after which asyncio tries again
REMEDIES = {
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
}

log = logging.getLogger(__name__)


class AcceptErrors:
    """A loop's exception handler: says the first lack in one line; anything else is the loop's own to tell."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Take what went wrong in no task of ours."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in LACKING and "accept" in str(context.get("message"))):
            loop.default_exception_handler(context)
            return
        if error.errno not in self._told:
            self._told.add(error.errno)
            remedy = REMEDIES.get(error.errno, "give this machine more memory")
            log.warning("connections wait: they cannot be accepted now: %s; %s", error.strerror, remedy)
