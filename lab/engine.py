"""Is there a Docker engine that the lab can use, and if not, what can be done about it?

`probe` looks once, `decide` is a pure function from what was found to what to do, `ensure` does it. An
engine that works is left alone, and so is one that the Docker client reaches somewhere else. Only on Debian
and Ubuntu, as root, and unless LAB_ENGINE=never, is anything installed or started: see `lab.distribution`
and `lab.daemon`.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import command, daemon, distribution, dotenv
from lab.command import Outcome, Runner
from lab.distribution import Host, Part, Recipe
from lab.errors import (
    ComposeMissing,
    ComposeTooOld,
    EngineDenied,
    EngineMissing,
    EngineNotAllowed,
    EngineSettingUnknown,
    EngineUnreachable,
)

COMPOSE_NEEDED = "2.20"
ROUTELESS_SINCE = "25"  # moby#46603: an internal network has no default route
PROBE_TIMEOUT_S = 10.0
NOTHING = Recipe()
OWN_SOCKETS = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at this machine's Docker found. Versions are None where a part is missing."""

    client: str | None = None
    engine: str | None = None
    compose: str | None = None
    buildx: str | None = None
    daemon_installed: bool = False
    denied: bool = False
    elsewhere: str | None = None
    """Where DOCKER_HOST or a context points the client, if that is not this machine's own socket."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done before the lab can start. An empty plan: nothing."""

    install: Recipe = NOTHING
    start: bool = False


def ensure(
    say: Callable[[str], None],
    *,
    run: Runner = command.run,
    environ: Mapping[str, str] = os.environ,
    env_file: Path = dotenv.ENV_FILE,
) -> None:
    """Make sure that an engine with Compose v2 answers, installing and starting it where that is allowed.

    `say` gets one line before each thing that takes time. Raises a `LabError` where nothing can be done.
    """
    host = distribution.host()
    plan = decide(probe(run=run, environ=environ), host, allowed=installing_allowed(environ, env_file))
    if plan.install.packages:
        names = " ".join(plan.install.packages)
        say(f"Installing {names} from {host.distribution} (a minute or so; log: {distribution.LOG})")
        distribution.install(plan.install, run=run)
    if plan.start and not answers(run):
        say(f"Starting the Docker daemon (log: {daemon.LOG})")
        daemon.start(has_systemd=host.has_systemd, answers=lambda: answers(run), run=run)
    if plan != Plan():
        _check(probe(run=run, environ=environ))


def stop(say: Callable[[str], None]) -> None:
    """Stop the daemon that `ensure` started, and no other. Raises `EngineNotStopping`."""
    stopped = daemon.stop()
    say("The Docker daemon is stopped." if stopped else "No Docker daemon runs that the lab started.")


def probe(
    *,
    run: Runner = command.run,
    environ: Mapping[str, str] = os.environ,
    timeout_s: float = PROBE_TIMEOUT_S,
) -> Probe:
    """Look at the Docker client, its engine and its plugins, once. Never raises."""
    version = run(("docker", "--version"), timeout_s=timeout_s)
    if not version.ok:
        return Probe(daemon_installed=_has_daemon())
    info = run(("docker", "info", "--format", "{{json .}}"), timeout_s=timeout_s)
    return read_info(info, client=_number(version.out), host=environ.get("DOCKER_HOST", ""))


def read_info(info: Outcome, *, client: str, host: str = "") -> Probe:
    """What `docker info` says; `host` is DOCKER_HOST."""
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
    return Probe(
        client=client,
        engine=facts.get("ServerVersion") or None,
        compose=plugins.get("compose"),
        buildx=plugins.get("buildx"),
        daemon_installed=_has_daemon(),
        denied="permission denied" in troubles,
        elsewhere=_elsewhere(host, about_client.get("Context", "default")),
    )


def decide(found: Probe, host: Host, *, allowed: bool) -> Plan:
    """What to do about what was found. Raises a `LabError` where the answer is: nothing from here."""
    if found.compose and not at_least(found.compose, COMPOSE_NEEDED):
        raise ComposeTooOld(found.compose, needed=COMPOSE_NEEDED)
    if found.engine and found.compose:
        return Plan()
    if not found.engine and found.elsewhere:
        raise EngineUnreachable(found.elsewhere)
    if found.denied:
        raise EngineDenied
    return _mend(found, host, allowed=allowed)


def _mend(found: Probe, host: Host, *, allowed: bool) -> Plan:
    """The plan for what is missing, or the reason why there is none."""
    refuse = ComposeMissing if found.engine else EngineMissing
    if not allowed:
        raise EngineNotAllowed("`docker compose` is missing" if found.engine else "no Docker engine runs here")
    packages = distribution.recipe(host, _missing(found))
    if packages is None:
        raise refuse(f"the lab can only install it on Debian 12, Ubuntu 22.04 and newer, not on {host.distribution}")
    if not host.is_root:
        raise refuse("only root can install and start it")
    return Plan(install=packages, start=not found.engine)


def _check(mended: Probe) -> None:
    """What was installed is of use only if the Docker client finds it."""
    if not mended.compose:
        raise ComposeMissing("the Docker client does not find the one that is installed")
    if not at_least(mended.compose, COMPOSE_NEEDED):
        raise ComposeTooOld(mended.compose, needed=COMPOSE_NEEDED)


def _missing(found: Probe) -> list[Part]:
    engine_installed = found.engine or (found.client and found.daemon_installed)
    there = {Part.ENGINE: engine_installed, Part.COMPOSE: found.compose, Part.BUILDX: found.buildx}
    return [part for part in Part if not there[part]]


def installing_allowed(environ: Mapping[str, str], env_file: Path = dotenv.ENV_FILE) -> bool:
    """Whether LAB_ENGINE lets the lab install and start things. Raises `EngineSettingUnknown` or `EnvFileBroken`."""
    setting = dotenv.settings(environ, env_file).get("LAB_ENGINE") or "auto"
    if setting not in ("auto", "never"):
        raise EngineSettingUnknown(setting)
    return setting == "auto"


def answers(run: Runner = command.run) -> bool:
    """Whether an engine answers the Docker client now."""
    return run(("docker", "version", "--format", "{{.Server.Version}}"), timeout_s=PROBE_TIMEOUT_S).ok


def at_least(version: str, needed: str) -> bool:
    """Compare dotted version numbers, by as many places as `needed` has."""
    wanted = [int(place) for place in needed.split(".")]
    return [int(place) for place in re.findall(r"\d+", version)][: len(wanted)] >= wanted


def _number(text: str) -> str:
    """The version number in what a program says of itself: `v2.26.1-4`, `Docker version 28.2.2, build …`."""
    match = re.search(r"\d+(\.\d+)+", text)
    return match[0] if match else text.strip() or "unknown"


def _elsewhere(host: str, context: str) -> str | None:
    if host:
        return None if host in OWN_SOCKETS else host
    return None if context == "default" else f"the context {context!r}"


def _has_daemon() -> bool:
    return shutil.which("dockerd") is not None
