"""The errors of the package. The text of each is one line: what is wrong, and what to do.

An expectation that the journal does not meet is an AssertionError and none of these: it is what a test finds out.
"""

from collections.abc import Iterable

MAX_NAMES = 10
MAX_NAME_LENGTH = 253  # characters of a host's name; what is longer is cut


class LabError(Exception):
    """The root of the errors of this package."""


class LabNotStarted(LabError):
    """The process of the lab ended, or said nothing, before the lab was ready."""


class PortTaken(LabNotStarted):
    """The gateway's port is held by another program."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken: leave the port out, and the system chooses a free one")
        self.port = port


class NotALab(LabError):
    """What a URL leads to is no lab, or speaks another version of its protocol."""

    def __init__(self, url: str, reason: str) -> None:
        shown = url if url.isprintable() else ascii(url)
        super().__init__(
            f"{shown} is no lab that can be joined ({reason}): start one with `lab serve` and give its URL"
        )
        self.url, self.reason = url, reason


class LabGone(LabError):
    """The lab has ended, or does not answer any more."""


class TooManyOpenFiles(LabError):
    """This process, or its system, may open no more files, and a connection to the lab is one. The lab may be well."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the lab cannot be asked, since this process can open no connection ({reason}): close files and "
            "connections that are not used, or raise the limit of open files (ulimit -n)"
        )


class BadAnswer(LabError):
    """An answer of the lab is not as this package reads it. `reason`: in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"an answer of the lab cannot be read ({reason}): have one version of asynclab here and there")
        self.reason = reason


class Refused(LabError):
    """The lab refuses a request, for a reason that has no other class here.

    `status` is that of the answer, 0 where no request was sent; `problems` has each wrong field with the reason.
    """

    def __init__(self, text: str, *, status: int = 0, problems: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.status, self.problems = status, tuple(problems)


class UnknownHost(Refused):
    """The lab has no such host.

    `ascii_name`: the name that clients ask for, where that is another one; `can_be_played`: whether a host can have it.
    """

    def __init__(self, host: str, known: Iterable[str], *, ascii_name: str = "", can_be_played: bool = True) -> None:
        from difflib import get_close_matches

        ascii_name = ascii_name or host
        names = sorted(known)
        near = [ascii_name] if ascii_name in names else get_close_matches(host[:MAX_NAME_LENGTH], names, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        has = ", ".join(names[:MAX_NAMES]) + more if names else "no host"
        remedy = f"; lab.play({ascii_name!r}, response) adds a host" if can_be_played else ""
        given = ascii(host) if not host.isprintable() else repr(host)
        shown = given if len(host) <= MAX_NAME_LENGTH else f"{given[:MAX_NAME_LENGTH]}..."
        super().__init__(f"{shown} is not in this lab: {hint}it has {has}{remedy}")
        self.host = host


class UnknownFault(Refused):
    """There is no fault of this name."""


class BadParameter(Refused):
    """A parameter of a fault, a play or an expectation is unknown or missing, or cannot have its value."""


class NoHead(Refused):
    """The bytes of a play are no response that a site can play."""


class PlayConflict(Refused):
    """Another play of the host matches the same requests, and neither says how many times."""
