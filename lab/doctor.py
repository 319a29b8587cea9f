"""`lab doctor`: what this machine has, what each lack means, and the command that corrects it.

`examine` collects findings and never raises. `draw` makes a table of findings. `doctor` does both, and its exit code
says whether `make demo` can work here.
"""

import importlib.metadata
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import subprocesses
from lab.console import draw_by
from lab.docker import base_image, engine, packages
from lab.docker.engine import Probe
from lab.embedded import broker
from lab.errors import LabError
from lab.settings import Settings
from lab.subprocesses import Runner
from services.runtime.terminal import printable

LOOK_TIMEOUT_S = 2.5
PYTHON_NEEDED = (3, 11)
OPEN_FILES_NEEDED = 11_000
DISK_NEEDED_BYTES = 3 * 10**9
PIPE_COLUMNS = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, what was found, and what follows if something is missing."""

    what: str
    found: str
    lack: str = ""
    """The consequence of what is missing, and the command that corrects it; empty if nothing is missing."""
    stops_demo: bool = False


Check = Callable[[], tuple[Finding, ...]]


def doctor(settings: Settings, *, unread: LabError | None = None, more: Sequence[Finding] = ()) -> int:
    """Draw all findings, and `more` below them; return 0 if `make demo` can work on this machine, else 1."""
    findings = (*examine(settings, unread=unread), *more)
    draw(findings)
    return 1 if any(finding.stops_demo for finding in findings) else 0


def examine(
    settings: Settings, *, unread: LabError | None = None, run: Runner = subprocesses.run
) -> tuple[Finding, ...]:
    """Look at everything at once; takes `LOOK_TIMEOUT_S` a program at most. Never raises.

    `unread`: why `.env` could not be read, which is a finding too; `settings` are then those of the environment.
    """
    checks: tuple[tuple[str, Check], ...] = (
        ("Docker", lambda: _docker(settings, unread, run)),
        ("Registry", lambda: _registry(run)),
        ("Base image", lambda: _base_image(settings, unread, run)),
        ("Python", _python),
        ("Broker", lambda: _broker(run)),
        ("Open files", _open_files),
        ("Free disk", _free_disk),
    )
    with ThreadPoolExecutor(len(checks)) as pool:
        return tuple(finding for found in pool.map(_run, checks) for finding in found)


def draw(findings: Sequence[Finding], *, title: str = "This machine") -> None:
    """Print a table of findings on stdout."""
    from rich.table import Column, Table
    from rich.text import Text

    heads = ("", "what", "found", "what a lack means, and what corrects it")
    table = Table(*(Column(head, overflow="fold") for head in heads), title=title)
    for finding in findings:
        colour, sign = _mark(finding)
        found, lack = ("\n".join(map(printable, text.split("\n"))) for text in (finding.found, finding.lack))
        table.add_row(Text(sign, colour), Text(finding.what), Text(found), Text(lack, colour))
    draw_by(lambda console: console.print(table), pipe_columns=PIPE_COLUMNS)


def _mark(finding: Finding) -> tuple[str, str]:
    if finding.stops_demo:
        return "red", "✗"
    return ("yellow", "!") if finding.lack else ("green", "✓")


def _run(named: tuple[str, Check]) -> tuple[Finding, ...]:
    """Run a check; an error in it is a finding too."""
    name, check = named
    try:
        return check()
    except LabError as error:
        return (Finding(name, error.problem, error.remedy),)
    except Exception as error:  # the doctor shows all rows, also where one fails
        return (Finding(name, "unknown", f"looking failed: {type(error).__name__}: {error}"),)


def _docker(settings: Settings, unread: LabError | None, run: Runner) -> tuple[Finding, ...]:
    found = engine.probe(settings, run=run, timeout_s=LOOK_TIMEOUT_S / 2)
    cure = unread.remedy if unread else _cure(found, settings)
    if found.silent_after_s or found.reason:  # the client said nothing of its plugins either
        untold = (Finding("Compose", "not known"), Finding("buildx", "not known"))
        return Finding("Docker client", found.client or ""), _engine(found, f"nothing can run: {cure}"), *untold
    return (
        _part("Docker client", found.client, f"nothing can run in containers: {cure}"),
        _engine(found, f"nothing can run in containers: {cure}"),
        _compose(found, f"`make up` needs {engine.COMPOSE_NEEDED} or newer: {cure}"),
        _part("buildx", found.buildx, "a newer Compose cannot build images without it: install docker-buildx"),
    )


def _part(what: str, version: str | None, lack: str) -> Finding:
    return Finding(what, version) if version else Finding(what, "missing", lack)


def _engine(found: Probe, lack: str) -> Finding:
    if found.engine and not engine.at_least(found.engine, engine.ROUTELESS_SINCE):
        lack = f"the lab's network has a default route, into nothing; {engine.ROUTELESS_SINCE} or newer gives it none"
        return Finding("Docker engine", found.engine, lack)
    if trouble := engine.refusal(found):
        return Finding("Docker engine", trouble.problem, lack)
    return _part("Docker engine", found.engine, lack)


def _compose(found: Probe, lack: str) -> Finding:
    if found.compose and not engine.at_least(found.compose, engine.COMPOSE_NEEDED):
        return Finding("Compose", found.compose, lack)
    return _part("Compose", found.compose, lack)


def _cure(found: Probe, settings: Settings) -> str:
    """Return what `make up` would do about it, or what a person has to do."""
    try:
        plan = engine.decide(found, packages.host(), allowed=engine.installing_allowed(settings))
    except LabError as error:
        return error.remedy
    if plan.install.packages:
        return f"`make up` installs {' '.join(plan.install.packages)}"
    return "`make up` starts it"


def _registry(run: Runner) -> tuple[Finding, ...]:
    if not run(("docker", "--version"), timeout_s=LOOK_TIMEOUT_S).ok:
        return (Finding("Registry", "not asked", "it takes the Docker client to ask"),)
    if base_image.reachable(base_image.DEFAULT_IMAGE, run=run, timeout_s=LOOK_TIMEOUT_S):
        return (Finding("Registry", "reachable"),)
    lack = "no image can be pulled: `make up` builds a base image from Debian packages instead"
    return (Finding("Registry", "not reachable", lack),)


def _base_image(settings: Settings, unread: LabError | None, run: Runner) -> tuple[Finding, ...]:
    if unread:
        raise unread
    image = base_image.wanted(settings)
    if digest := base_image.digest(image, run=run, timeout_s=LOOK_TIMEOUT_S):
        return (Finding("Base image", f"{image} ({digest[:19]})"),)
    lack = "`make up` builds it" if image == base_image.LOCAL else "`make up` pulls it, or builds one"
    return (Finding("Base image", f"{image} is not here", lack),)


def _python() -> tuple[Finding, ...]:
    needed = ".".join(map(str, PYTHON_NEEDED))
    old = sys.version_info < PYTHON_NEEDED
    lack = f"{needed} or newer is needed: `make setup PYTHON=python3.13`" if old else ""
    return (
        Finding("Python", platform.python_version(), lack, stops_demo=old),
        _library("aiohttp", "nothing can be served: `make setup`", stops_demo=True),
        _library("uvloop", "only `--loop asyncio` can run: `make setup`", stops_demo=False),
    )


def _broker(run: Runner) -> tuple[Finding, ...]:
    """Look for the program of the embedded lab's broker; in containers, the image has it."""
    found = broker.find_program()
    if not found:
        lack = "`lab embedded pipeline --edition jetstream` cannot run, in containers it can: `make setup`"
        return (Finding(broker.PROGRAM, "missing", lack),)
    said = run((found, "--version"), timeout_s=LOOK_TIMEOUT_S)
    lack = "" if said.ok else f"it does not start: remove {found}, then `make setup`"
    return (Finding(broker.PROGRAM, said.out.rpartition("v")[2].strip() or "unknown", lack),)


def _library(name: str, lack: str, *, stops_demo: bool) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", lack, stops_demo=stops_demo)


def _open_files() -> tuple[Finding, ...]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = f"{_limit(soft)} (at most {_limit(hard)})"
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_NEEDED:
        return (Finding("Open files", shown),)
    lack = f"10,000 users at once need {OPEN_FILES_NEEDED:,}: `ulimit -n {OPEN_FILES_NEEDED}`"
    return (Finding("Open files", shown, lack),)


def _limit(count: int) -> str:
    return "unlimited" if count == resource.RLIM_INFINITY else f"{count:,}"


def _free_disk() -> tuple[Finding, ...]:
    images = Path("/var/lib/docker")
    free = shutil.disk_usage(images if images.is_dir() else Path.cwd()).free
    lack = "" if free >= DISK_NEEDED_BYTES else "images may not fit: `docker system prune`"
    return (Finding("Free disk", f"{free / 10**9:,.1f} GB", lack),)
