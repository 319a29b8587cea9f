"""Finds out whether there is a Docker engine that the lab can use, and if not, what can be done about it.

`probe` looks once, `decide` is a pure function from what was found to what to do, `ensure` does it. An engine that
works is left alone, and so is one on another machine. Something is installed or started only on Debian and Ubuntu, as
root, and not with LAB_ENGINE=never: see `packages` and `daemon`. `require` changes nothing: it raises one error where
there is no engine, and others where an engine refuses, is silent or is elsewhere.
"""

import json
import re
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lab import subprocesses
from lab.docker import daemon, packages
from lab.docker.errors import (
    ComposeMissing,
    ComposeTooOld,
    DockerClientFails,
    DockerClientMissing,
    DockerMissing,
    EngineDenied,
    EngineMissing,
    EngineNotAllowed,
    EngineSettingUnknown,
    EngineSilent,
    EngineStopped,
    EngineUnreachable,
)
from lab.docker.packages import Host, PackageSet, Part
from lab.errors import LabError
from lab.settings import Settings
from lab.subprocesses import TIMED_OUT, Outcome, Runner
from services.runtime.terminal import printable

COMPOSE_NEEDED = "2.20"
ROUTELESS_SINCE = "25"  # moby#46603: an internal network has no default route
PROBE_TIMEOUT_S = 10.0
NOTHING = PackageSet()
SOCKET = Path("/var/run/docker.sock")
OWN_SOCKETS = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")
DENIED = "permission denied while trying to connect"


@dataclass(frozen=True, slots=True)
class Probe:
    """The parts of Docker that were found on this machine. A version is None where the part is missing."""

    client: str | None = None
    engine: str | None = None
    compose: str | None = None
    buildx: str | None = None
    daemon_installed: bool = False
    denied: bool = False
    elsewhere: str | None = None
    """Where DOCKER_HOST or a context points the client, if that is not this machine's own socket."""
    silent_after_s: float | None = None
    """How long the client waited for an engine that did not answer."""
    listening: bool = False
    """Whether a process listens on this machine's socket, though there is no client to ask it."""
    reason: str = ""
    """The client's message where it ended before it asked an engine."""

    @property
    def absent(self) -> bool:
        """Whether it is certain that this machine has no engine, and that the client uses none elsewhere."""
        return not (
            self.engine
            or self.denied
            or self.elsewhere
            or self.silent_after_s
            or self.listening
            or self.daemon_installed
            or self.reason
        )


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """The steps before the lab can start. An empty plan: none."""

    install: PackageSet = NOTHING
    start: bool = False


def ensure(say: Callable[[str], None], settings: Settings, *, run: Runner = subprocesses.run) -> None:
    """Make sure that an engine with Compose v2 answers, installing and starting it where that is allowed.

    `say` gets one line before each thing that takes time. Raises a `LabError` where nothing can be done.
    """
    host = packages.host()
    plan = decide(probe(settings, run=run), host, allowed=installing_allowed(settings))
    if plan.install.packages:
        names = " ".join(plan.install.packages)
        say(f"Installing {names} from {host.distribution} (a minute or so; log: {packages.LOG})")
        packages.install(plan.install, run=run)
    if plan.start and not answers(run):
        say(f"Starting the Docker daemon (log: {daemon.LOG})")
        daemon.start(has_systemd=host.has_systemd, answers=lambda: answers(run), run=run)
    if plan != InstallPlan():
        _check(probe(settings, run=run), "the Docker client does not find the one that is installed")


def stop(say: Callable[[str], None]) -> None:
    """Stop the daemon that `ensure` started, and no other. Raises `EngineNotStopping`."""
    stopped = daemon.stop()
    say("The Docker daemon is stopped." if stopped else "No Docker daemon runs that the lab started.")


def probe(settings: Settings, *, run: Runner = subprocesses.run, timeout_s: float = PROBE_TIMEOUT_S) -> Probe:
    """Look at the Docker client, its engine and its plugins, once. Never raises."""
    host = settings.docker_host
    version = run(("docker", "--version"), timeout_s=timeout_s)
    if not version.ok:
        return Probe(daemon_installed=_has_daemon(), elsewhere=_elsewhere(host, "default"), listening=_is_listening())
    info = run(("docker", "info", "--format", "{{json .}}"), timeout_s=timeout_s)
    found = read_info(info, client=_number(version.out), host=host)
    return replace(found, silent_after_s=timeout_s) if info.code == TIMED_OUT else found


def read_info(info: Outcome, *, client: str, host: str = "") -> Probe:
    """Return what `docker info` found; `host` is DOCKER_HOST."""
    try:
        facts = json.loads(info.out)
    except ValueError:
        facts = {}
    about_client = facts.get("ClientInfo") or {}
    plugins = {
        plugin["Name"]: _number(plugin["Version"])
        for plugin in about_client.get("Plugins") or ()
        if plugin.get("Version")  # a plugin that does not start has none
    }
    troubles = f"{info.err} {facts.get('ServerErrors') or ''}"
    failed = not facts and info.code != TIMED_OUT
    return Probe(
        client=client,
        engine=facts.get("ServerVersion") or None,
        compose=plugins.get("compose"),
        buildx=plugins.get("buildx"),
        daemon_installed=_has_daemon(),
        denied=DENIED in troubles,
        elsewhere=_elsewhere(host, about_client.get("Context", "default")),
        reason=printable((info.err or info.out).strip().rpartition("\n")[2])[:200] if failed else "",
    )


def decide(found: Probe, host: Host, *, allowed: bool) -> InstallPlan:
    """Return what to do. Raises a `LabError` where the lab can do nothing."""
    if found.compose and not at_least(found.compose, COMPOSE_NEEDED):
        raise ComposeTooOld(found.compose, needed=COMPOSE_NEEDED)
    if found.engine and found.compose:
        return InstallPlan()
    if trouble := refusal(found):
        raise trouble
    return _plan_for_missing(found, host, allowed=allowed)


def require(settings: Settings, *, run: Runner = subprocesses.run) -> None:
    """Return if an engine with Compose v2 answers. Raises a `LabError` that says what there is instead.

    `DockerMissing` is raised only where it is certain that this machine has no engine.
    """
    found = probe(settings, run=run)
    if found.engine:
        _check(found, "the Docker client does not find one")
        return
    if trouble := refusal(found):
        raise trouble
    if found.absent:
        raise DockerMissing
    raise EngineStopped if found.client else DockerClientMissing


def refusal(found: Probe) -> LabError | None:
    """Return why this user cannot reach an engine that is or may be there; the lab cannot correct that."""
    if found.engine or not found.client:
        return None
    if found.denied:
        return EngineDenied()
    if found.silent_after_s:
        return EngineSilent(found.silent_after_s)
    if found.reason:
        return DockerClientFails(found.reason)
    if found.elsewhere:
        return EngineUnreachable(found.elsewhere)
    return None


def _plan_for_missing(found: Probe, host: Host, *, allowed: bool) -> InstallPlan:
    """Return the plan for what is missing. Raises a `LabError` where there is none."""
    refuse = ComposeMissing if found.engine else EngineMissing
    if not allowed:
        raise EngineNotAllowed("`docker compose` is missing" if found.engine else "no Docker engine runs here")
    wanted = packages.package_set(host, _missing(found))
    if wanted is None:
        raise refuse(f"the lab can only install it on Debian 12, Ubuntu 22.04 and newer, not on {host.distribution}")
    if not host.is_root:
        raise refuse("only root can install and start it")
    return InstallPlan(install=wanted, start=not found.engine)


def _check(found: Probe, lacking: str) -> None:
    """Raise a `LabError` where the Docker client finds no Compose, or one that is too old."""
    if not found.compose:
        raise ComposeMissing(lacking)
    if not at_least(found.compose, COMPOSE_NEEDED):
        raise ComposeTooOld(found.compose, needed=COMPOSE_NEEDED)


def _missing(found: Probe) -> list[Part]:
    engine_installed = found.engine or (found.client and found.daemon_installed)
    there = {Part.ENGINE: engine_installed, Part.COMPOSE: found.compose, Part.BUILDX: found.buildx}
    return [part for part in Part if not there[part]]


def installing_allowed(settings: Settings) -> bool:
    """Return whether LAB_ENGINE lets the lab install and start things. Raises `EngineSettingUnknown`."""
    if settings.engine not in ("auto", "never"):
        raise EngineSettingUnknown(settings.engine)
    return settings.engine == "auto"


def answers(run: Runner = subprocesses.run) -> bool:
    """Return whether an engine answers the Docker client now."""
    return run(("docker", "version", "--format", "{{.Server.Version}}"), timeout_s=PROBE_TIMEOUT_S).ok


def at_least(version: str, needed: str) -> bool:
    """Return whether a dotted version number is not below `needed`, in as many parts as `needed` has."""
    wanted = [int(part) for part in needed.split(".")]
    return [int(part) for part in re.findall(r"\d+", version)][: len(wanted)] >= wanted


def _number(text: str) -> str:
    """Return the version number in a text: `v2.26.1-4`, `Docker version 28.2.2, build …`."""
    match = re.search(r"\d+(\.\d+)+", text)
    return match[0] if match else text.strip() or "unknown"


def _elsewhere(host: str, context: str) -> str | None:
    if host:
        return None if host in OWN_SOCKETS else host
    return None if context == "default" else f"the context {context!r}"


def _has_daemon() -> bool:
    return shutil.which("dockerd") is not None or daemon.running(daemon.PID_FILE) is not None


def _is_listening() -> bool:
    """Return whether a process listens on this machine's socket; also one that this user may not use."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(SOCKET))
        except (PermissionError, TimeoutError):
            return True
        except OSError:
            return False
    return True
