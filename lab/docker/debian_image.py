"""Builds a small image from a suite of Debian: mmdebstrap makes a tar file of it, and Docker imports that.

`base_image` builds the base of the services' images so, and a bench the image of its newest peers.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.docker import packages
from lab.docker.errors import BaseImageUnavailable
from lab.docker.packages import PackageSet
from lab.subprocesses import Runner
from services.runtime.files.temporary import temporary_directory

BUILD_TIMEOUT_S = 900.0

# Files that are not needed inside a container; the licences stay.
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
KEPT = ("/usr/share/doc/*/copyright",)


def build(name: str, *, suite: str, wanted: Sequence[str], program: str, run: Runner) -> None:
    """Make an image with these packages, whose containers run `program` by default. Raises BaseImageUnavailable."""
    with temporary_directory("asynclab-base-") as directory:
        tar = directory / "base.tar"
        for step in (_bootstrap(tar, suite, wanted, run=run), _import(tar, name, program)):
            outcome = run(step, timeout_s=BUILD_TIMEOUT_S)
            if not outcome.ok:
                why = f"`{step[0]}` failed with exit code {outcome.code}"
                raise BaseImageUnavailable(name, why=why, evidence=outcome.tail())


def ensure_builder(image: str, say: Callable[[str], None], *, run: Runner, allowed: bool) -> None:
    """Install mmdebstrap, if it is missing and may be installed. Raises BaseImageUnavailable for `image`."""
    if shutil.which("mmdebstrap"):
        return
    host = packages.host()
    builder = PackageSet(own=("mmdebstrap", "debian-archive-keyring"))
    if not allowed or not host.is_root or host.distribution not in ("debian", "ubuntu"):
        raise BaseImageUnavailable(image, why="no registry gives it, nor is mmdebstrap here to build one")
    say(f"Installing mmdebstrap from {host.distribution}")
    packages.install(builder, run=run)


def _bootstrap(tar: Path, suite: str, wanted: Sequence[str], *, run: Runner) -> tuple[str, ...]:
    return (
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(wanted)}",
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        *(f"--dpkgopt=path-include={path}" for path in KEPT),
        *(f"--aptopt={setting}" for setting in packages.apt_settings(run=run)),
        # the image needs none of this host's settings for its mirror
        '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        suite,
        str(tar),
        *packages.debian_sources(suite, run=run),
    )


def _import(tar: Path, name: str, program: str) -> tuple[str, ...]:
    return (
        "docker",
        "import",
        "--change",
        "ENV LANG=C.UTF-8",
        "--change",
        f'CMD ["{program}"]',
        str(tar),
        name,
    )
