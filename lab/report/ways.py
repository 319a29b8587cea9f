"""In which lab a run of the story goes, and what a person types for it.

Without a lab that stands, each run has an embedded one. With one, a run joins it through its gateway. The pipeline over
a broker cannot: no gateway leads to a broker. It runs in the client's container where the lab that stands is the one in
containers, over its broker and its workers; from here, where BROKER_URL names a broker; else in an embedded lab.
"""

import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from lab import IS_CHECKOUT, PROGRAM, ROOT
from lab.errors import LabError
from lab.report.scenes import Run
from services.client.defaults import ON_HOST
from services.client.network.standing_lab import LOOPBACK, parse_lab_url
from services.client.report.words import Language
from services.runtime.settings import Environment

BROKER = "broker"
SERVICES = {"gateway", BROKER, "worker"}  # without one of them, no job of this machine's client is done in containers


class Way(Enum):
    """How a run reaches a lab."""

    EMBEDDED = auto()
    JOINED = auto()
    IN_CONTAINER = auto()


@dataclass(frozen=True, slots=True)
class Labs:
    """The labs of the story. `url`: of the gateway of one that stands; empty: each run has an embedded one.

    `in_containers`: whether the one that stands is the lab in containers, with its broker and workers. `names_broker`:
    whether BROKER_URL names a broker, which has the workers of the lab that stands.
    """

    url: str = ""
    in_containers: bool = False
    names_broker: bool = False

    def way(self, run: Run) -> Way:
        """Return how a run reaches its lab."""
        if not self.url or not run.needs_lab:
            return Way.EMBEDDED
        if run.needs != BROKER or self.names_broker:
            return Way.JOINED
        return Way.IN_CONTAINER if self.in_containers else Way.EMBEDDED

    def lacks_broker(self, run: Run) -> bool:
        """Return whether a run needs a broker, and the lab that stands has none for it."""
        return bool(self.url) and run.needs == BROKER and self.way(run) is Way.EMBEDDED

    def typed(self, run: Run, language: Language = "en") -> str:
        """Return what a person types for a run, to have its picture."""
        first, *words = run.words
        ending = "html" if language == "en" else f"{language}.html"
        line = shlex.join([first, "--report", f"{run.file}.{ending}", *words])
        match self.way(run):
            case Way.JOINED:
                return f"{ON_HOST} {line} --lab {shlex.quote(self.url)}"
            case Way.IN_CONTAINER:
                return f"{PROGRAM} run {line}"
            case Way.EMBEDDED:
                return f"{PROGRAM} embedded {line}"


def labs_at(name: str, url: str) -> Labs:
    """Return the labs of a story that is run in the lab that stands at a URL; empty: in embedded ones.

    `name`: of the option or the variable that has the URL. Raises BadSetting.
    """
    names_broker = bool(Environment().text("BROKER_URL", ""))
    if not url:
        return Labs(names_broker=names_broker)
    at = parse_lab_url(name, url)
    is_here = at.host in (*LOOPBACK, "localhost")
    return Labs(
        url, in_containers=is_here and not names_broker and is_in_containers(at.port), names_broker=names_broker
    )


def is_in_containers(port: int) -> bool:
    """Return whether this checkout's containers have published their gateway at a port, and do jobs."""
    from lab.compose.stack import PROJECT, Stack
    from lab.settings import read

    if not IS_CHECKOUT:
        return False
    with suppress(LabError):  # no engine is here, or none that answers: then no lab of it either
        settings = read(ROOT, os.environ)
        running = [each for each in Stack(settings.project or PROJECT, settings).services() if each.is_healthy]
        published = {each for container in running if container.service == "gateway" for each in container.ports}
        return port in published and {each.service for each in running} >= SERVICES
    return False
