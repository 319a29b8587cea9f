"""How a fetch can fail: the closed list of kinds, and the one place where other errors are translated into them."""

import asyncio
import errno
import socket

NOTHING_ANSWERED = 4
"""The exit code of a program that none of its targets answered."""

KINDS = frozenset(
    [
        "usage",
        "dns",
        "refused",
        "unreachable",
        "connect_timeout",
        "tls",
        "certificate",
        "reset",
        "closed",
        "truncated_head",
        "head_timeout",
        "malformed_head",
        "head_too_large",
        "not_http",
        "redirect_loop",
        "too_many_redirects",
        "blocked",
        "cancelled",
    ]
)
BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "connect_timeout",
}


class FetchError(Exception):
    """A fetch gave no head: `kind` is one of KINDS, `detail` is for a person.

    `transient`: a retry may succeed, although the kind alone does not say so.
    """

    def __init__(self, kind: str, detail: str, *, transient: bool = False) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.transient = kind, detail, transient


def fetch_error(error: Exception) -> FetchError:
    """Return the FetchError for an exception from the network or from asyncio's streams; raise any other exception."""
    match error:
        case FetchError():
            return error
        case socket.gaierror():
            return FetchError("dns", error.strerror or str(error), transient=error.errno == socket.EAI_AGAIN)
        case asyncio.LimitOverrunError() | ValueError():
            return FetchError("head_too_large", str(error))
        case OSError():
            otherwise = "reset" if isinstance(error, ConnectionError) else "unreachable"  # asyncio's own has no errno
            return FetchError(BY_ERRNO.get(error.errno or 0, otherwise), error.strerror or str(error))
    raise error
