"""asynclab: a laboratory of recorded sites with faults and a journal, for tests of HTTP clients, crawlers and proxies.

    from asynclab import Lab

    with Lab() as lab:
        site = lab.site("www.163.com")
        site.fault("rst_at", bytes=40, first=1)
        ...                                     # the client under test fetches site.url, or goes through lab.proxy_url
        site.verify(count=2, method="GET")

The lab runs as another process, so this package needs the standard library alone, and no module of the lab is imported
into the tests. `asynclab.lab` is to be read next; `asynclab.pytest_plugin` has the fixtures.

Names are imported when they are first used, since pytest imports this package in every run, whether a lab is used or
not.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asynclab.errors import (
        BadAnswer,
        BadParameter,
        LabError,
        LabGone,
        LabNotStarted,
        NoHead,
        NotALab,
        PlayConflict,
        PortTaken,
        Refused,
        TooManyOpenFiles,
        UnknownFault,
        UnknownHost,
    )
    from asynclab.exchange import Exchange
    from asynclab.lab import Lab
    from asynclab.play import Play
    from asynclab.site import FaultState, Site

_MODULES = {
    "Lab": "lab",
    "Site": "site",
    "Play": "play",
    "FaultState": "site",
    "Exchange": "exchange",
}

__all__ = [
    "BadAnswer",
    "BadParameter",
    "Exchange",
    "FaultState",
    "Lab",
    "LabError",
    "LabGone",
    "LabNotStarted",
    "NoHead",
    "NotALab",
    "Play",
    "PlayConflict",
    "PortTaken",
    "Refused",
    "Site",
    "TooManyOpenFiles",
    "UnknownFault",
    "UnknownHost",
]


def __getattr__(name: str) -> object:
    """Import a public name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
