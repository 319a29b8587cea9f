"""The packages of a Docker engine on Debian and Ubuntu, and how they are installed.

Debian 12 has an engine, but its Compose is the old one, and its engine (20.10) gives even an internal network a default
route; engine 25 was the first that does not (moby#46603). Engine, Compose v2 and buildx are Go programs, so their
packages from the next suite install there unchanged. They are fetched with a separate apt state, whose sources are
derived from the host's: the host's apt configuration stays, and no other package can come from the newer suite.
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lab import subprocesses
from lab.docker.errors import InstallFailed
from lab.subprocesses import Outcome, Runner
from services.runtime.files.temporary import temporary_directory

LOG = Path("/var/log/asynclab-install.log")
NEWER_SUITE = "trixie"
APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy", "-oDPkg::Lock::Timeout=120")
APT_TIMEOUT_S = 900.0

DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SECURITY = "Debian-Security"
INDEX_FIELDS = "$(LABEL)|$(COMPONENT)|$(REPO_URI)"


class Part(Enum):
    """The parts of a working engine, by the names that people know."""

    ENGINE = "the Docker engine"
    COMPOSE = "Compose v2"
    BUILDX = "buildx"


@dataclass(frozen=True, slots=True)
class Host:
    """The facts that decide how software is installed on a machine."""

    distribution: str
    """`ID` of os-release: `debian`, `ubuntu`, or another that the lab does not know."""
    version: float
    """`VERSION_ID` of os-release; infinite for a suite that has no number yet."""
    is_root: bool
    has_systemd: bool


@dataclass(frozen=True, slots=True)
class PackageSet:
    """The packages that bring some parts: from the machine's own suite, and from the newer one."""

    own: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """All of them, of both suites."""
        return self.own + self.newer


_DEBIAN_12 = {
    Part.ENGINE: PackageSet(own=("containerd", "runc", "tini", "iptables"), newer=("docker.io", "docker-cli")),
    Part.COMPOSE: PackageSet(newer=("docker-compose",)),
    Part.BUILDX: PackageSet(newer=("docker-buildx",)),
}
_DEBIAN_13 = {
    Part.ENGINE: PackageSet(own=("docker.io", "docker-cli")),
    Part.COMPOSE: PackageSet(own=("docker-compose",)),
    Part.BUILDX: PackageSet(own=("docker-buildx",)),
}
_UBUNTU = {
    Part.ENGINE: PackageSet(own=("docker.io",)),
    Part.COMPOSE: PackageSet(own=("docker-compose-v2",)),
    Part.BUILDX: PackageSet(own=("docker-buildx",)),
}
# Newest first: a machine uses the first row whose version is not above its own.
_TABLES = (
    ("debian", 13.0, _DEBIAN_13),
    ("debian", 12.0, _DEBIAN_12),
    ("ubuntu", 22.04, _UBUNTU),
)


def host(os_release: Path = Path("/etc/os-release")) -> Host:
    """Return what this machine is."""
    facts = read_os_release(os_release.read_text("utf-8") if os_release.is_file() else "")
    version = facts.get("VERSION_ID", "")
    return Host(
        distribution=facts.get("ID") or sys.platform,
        version=float(version) if version.replace(".", "", 1).isdecimal() else float("inf"),
        is_root=os.geteuid() == 0,
        has_systemd=Path("/run/systemd/system").is_dir(),
    )


def read_os_release(text: str) -> dict[str, str]:
    """Return the KEY=VALUE lines of os-release(5), unquoted."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, equals, value in pairs if equals}


def package_set(on: Host, parts: Sequence[Part]) -> PackageSet | None:
    """Return the packages that bring `parts` on such a machine; None where the lab does not know them."""
    for distribution, version, table in _TABLES:
        if on.distribution == distribution and on.version >= version:
            sets = [table[part] for part in parts]
            return PackageSet(
                own=tuple(name for one in sets for name in one.own),
                newer=tuple(name for one in sets for name in one.newer),
            )
    return None


def install(wanted: PackageSet, *, run: Runner = subprocesses.run, log: Path = LOG) -> None:
    """Install packages; what apt prints goes to `log`. Raises `InstallFailed`."""
    if wanted.own:
        _install_own(wanted.own, run=run, log=log)
    if wanted.newer:
        _install_newer(wanted.newer, run=run, log=log)


def _install_own(packages: Sequence[str], *, run: Runner, log: Path) -> None:
    """Install from the machine's own suite; refresh apt's lists only if they are missing or too old."""
    command = (*APT, "install", "--no-install-recommends", *packages)
    if _logged(command, run=run, log=log).ok:
        return
    _logged((*APT, "update"), run=run, log=log)
    outcome = _logged(command, run=run, log=log)
    if not outcome.ok:
        raise InstallFailed(packages, log=log, evidence=outcome.tail())


def _install_newer(packages: Sequence[str], *, run: Runner, log: Path) -> None:
    """Install these packages of the newer suite, and nothing else from there."""
    with temporary_directory("asynclab-apt-") as directory:
        directory.chmod(0o755)  # apt fetches as its own user
        options = _private_apt(directory, debian_sources(NEWER_SUITE, run=run))
        steps = (
            (*APT, *options, "update"),
            (*APT, *options, "download", *packages),
            # dpkg is given the directory, and finds the packages in it
            ("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i", "--recursive", str(directory / "debs")),
        )
        for step in steps:
            outcome = _logged(step, run=run, log=log, cwd=directory / "debs")
            if not outcome.ok:
                raise InstallFailed(packages, log=log, evidence=outcome.tail())


def _private_apt(directory: Path, sources: Sequence[str]) -> tuple[str, ...]:
    """Make an apt state in `directory` that has only `sources`, and return the options that select it."""
    (directory / "lists/partial").mkdir(parents=True)
    (directory / "debs").mkdir(mode=0o755)
    (directory / "sources.list").write_text("\n".join(sources) + "\n", "utf-8")
    return (
        f"-oDir::Etc::SourceList={directory}/sources.list",
        "-oDir::Etc::SourceParts=-",
        "-oDir::Etc::Preferences=-",
        "-oDir::Etc::PreferencesParts=-",
        f"-oDir::State::Lists={directory}/lists",
        "-oDir::Cache::pkgcache=",
        "-oDir::Cache::srcpkgcache=",
    )


def debian_sources(suite: str, *, run: Runner = subprocesses.run) -> tuple[str, ...]:
    """Return one-line apt sources for `suite` and its security updates, on the mirror that this host uses.

    There are none for a host without Debian sources (Ubuntu): mmdebstrap knows Debian's public archive itself.
    """
    found = run(("apt-get", "indextargets", "--format", INDEX_FIELDS, "Created-By: Packages"), timeout_s=30.0)
    uris: dict[str, str] = {}
    for line in found.out.splitlines():
        label, component, uri = line.split("|", 2)
        if component == "main":
            uris.setdefault(label, uri)
    if "Debian" not in uris:
        return ()
    lines = [_source(uris["Debian"], suite)]
    if SECURITY in uris:
        lines.append(_source(uris[SECURITY], f"{suite}-security"))
    return tuple(lines)


def apt_settings(*, run: Runner = subprocesses.run) -> tuple[str, ...]:
    """Return how this host's apt reaches its mirrors (proxies, checks of dates), for another apt."""
    dump = run(("apt-config", "dump", "--no-empty", "Acquire"), timeout_s=30.0)
    return tuple(line for line in dump.out.splitlines() if re.match(r"Acquire::(Check-|https?::.*Proxy)", line))


def _source(uri: str, suite: str) -> str:
    return f"deb [signed-by={DEBIAN_KEYRING}] {uri} {suite} main"


def _logged(step: Sequence[str], *, run: Runner, log: Path, cwd: Path | None = None) -> Outcome:
    """Run one step, and write all its output into the log."""
    outcome = run(step, timeout_s=APT_TIMEOUT_S, cwd=cwd)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(step)}\n{outcome.out}{outcome.err}[exit {outcome.code}]\n")
    return outcome
