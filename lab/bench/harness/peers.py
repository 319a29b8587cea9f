"""The peers: other projects' programs beside which this one is measured: of the distribution, or packages of Python.

A peer that is missing is left out, and a note names the command that installs it. No figure is made up.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from lab import subprocesses
from lab.bench.errors import PeersNotInstallable
from lab.docker import packages
from lab.docker.packages import Host, PackageSet
from lab.subprocesses import Runner

LOOK_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, its package, and the option with which it prints its version."""

    name: str
    package: str
    version_words: tuple[str, ...]
    paths: tuple[str, ...] = ()

    def path(self) -> str | None:
        """Return where the program is, None where it is missing. Servers are often not on a person's PATH."""
        found = (shutil.which(self.name), *(shutil.which(path) for path in self.paths))
        return next((path for path in found if path), None)

    def version(self, run: Runner = subprocesses.run) -> str:
        """Return the version that the program prints; some print it on stderr, and some exit with 1."""
        path = self.path()
        if not path:
            return "missing"
        said = run((path, *self.version_words), timeout_s=LOOK_TIMEOUT_S)
        number = re.search(r"\d+(\.\d+)+", said.out + said.err)
        return number[0] if number else "unknown"

    def missing(self) -> str:
        """Return the note that replaces a missing peer's figures."""
        return f"{self.name} is missing: `lab bench --install`, or apt-get install {self.package}"


@dataclass(frozen=True, slots=True)
class Package:
    """A peer that is a package of Python: its module, and its name where packages are had from."""

    module: str
    package: str

    @property
    def is_here(self) -> bool:
        """Whether it is installed beside this Python."""
        return find_spec(self.module) is not None

    def missing(self) -> str:
        """Return the note that replaces its figures."""
        return f"{self.package} is missing: pip install {self.package} (in a checkout, `make test` installs it)"


NGINX = Peer("nginx", "nginx-light", ("-v",), ("/usr/sbin/nginx",))
WRK = Peer("wrk", "wrk", ("-v",))
CURL = Peer("curl", "curl", ("--version",))
ALL = (NGINX, WRK, CURL)


def install(
    say: Callable[[str], None],
    *,
    peers: Sequence[Peer] = ALL,
    on: Host | None = None,
    run: Runner = subprocesses.run,
) -> None:
    """Install the peers that are missing. Raises PeersNotInstallable, or InstallFailed."""
    missing = tuple(peer.package for peer in peers if not peer.path())
    if not missing:
        say("All peers are here.")
        return
    on = on or packages.host()
    if on.distribution not in ("debian", "ubuntu") or not on.is_root:
        raise PeersNotInstallable(missing)
    say(f"Installing {' '.join(missing)} from {on.distribution} (log: {packages.LOG})")
    packages.install(PackageSet(own=missing), run=run)


def sentence(peers: Sequence[Peer]) -> str:
    """Return the versions of peers, in a line."""
    return ", ".join(f"{peer.name} {peer.version()}" for peer in peers)
