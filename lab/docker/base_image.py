"""The image that every service's image starts from. Where no registry can be reached, it is built here.

The usual base is pulled. Without a registry the lab builds one from Debian packages, once: `.env` remembers its name,
and Compose reads it from there. A base that a person chose (BASE_IMAGE) is used, never replaced.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import env_file, subprocesses
from lab.docker import engine, packages
from lab.docker.errors import BaseImageUnavailable
from lab.docker.packages import PackageSet
from lab.errors import EnvFileUnwritable
from lab.settings import Settings
from lab.subprocesses import Runner
from services.runtime.files.temporary import temporary_directory

DEFAULT_IMAGE = "python:3.13-slim-trixie"
LOCAL = "asynclab-base:trixie"
SUITE = "trixie"
PACKAGES = ("ca-certificates", "python3", "python3-venv")

LOOK_TIMEOUT_S = 10.0
REGISTRY_TIMEOUT_S = 5.0
PULL_TIMEOUT_S = 600.0
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


def ensure(say: Callable[[str], None], settings: Settings, *, run: Runner = subprocesses.run) -> str:
    """Return the name of a base image that the engine has; pull or build it first if need be.

    `say` gets one line before each thing that takes time, and one where `.env` cannot keep the name. Raises
    `BaseImageUnavailable`, `EnvFileBroken`, `EnvFileUnreadable`, `InstallFailed` or `NoTemporaryDirectory`.
    """
    image = wanted(settings)
    if present(image, run=run):
        return image
    if image != LOCAL:
        if reachable(image, run=run) and _pull(image, say, run=run):
            return image
        if image != DEFAULT_IMAGE:
            raise BaseImageUnavailable(image, why="no registry gives it")
        say(f"No registry gives {image}")
    if image == LOCAL or not present(LOCAL, run=run):
        _ensure_builder(say, run=run, allowed=engine.installing_allowed(settings))
        _build(say, run=run)
    try:
        env_file.remember(settings.env_file, "BASE_IMAGE", LOCAL)
    except EnvFileUnwritable as error:
        say(str(error))  # the caller has the name all the same
    return LOCAL


def wanted(settings: Settings) -> str:
    """Return the base image to use: the one that a person chose or that the lab remembers, else the usual."""
    return settings.base_image or DEFAULT_IMAGE


def present(image: str, *, run: Runner = subprocesses.run, timeout_s: float = LOOK_TIMEOUT_S) -> bool:
    """Return whether the engine has this image."""
    return bool(digest(image, run=run, timeout_s=timeout_s))


def digest(image: str, *, run: Runner = subprocesses.run, timeout_s: float = LOOK_TIMEOUT_S) -> str:
    """Return the id of the image with this name, a digest of its content; "" where the engine has none."""
    found = run(("docker", "image", "inspect", "--format", "{{.Id}}", image), timeout_s=timeout_s)
    return found.out.strip() if found.ok else ""


def reachable(image: str, *, run: Runner = subprocesses.run, timeout_s: float = REGISTRY_TIMEOUT_S) -> bool:
    """Return whether the image's registry has it and answers soon; a pull would wait for minutes."""
    return run(("docker", "manifest", "inspect", image), timeout_s=timeout_s).ok


def ca_bundle(settings: Settings) -> Path | None:
    """Return the file of the host's own certificate authorities, which a build needs where TLS is intercepted."""
    bundle = settings.root / settings.ca_bundle if settings.ca_bundle else None
    if bundle and bundle.is_file() and os.access(bundle, os.R_OK):
        return bundle.resolve()
    return None


def _pull(image: str, say: Callable[[str], None], *, run: Runner) -> bool:
    say(f"Pulling the base image {image}")
    return run(("docker", "pull", "--quiet", image), timeout_s=PULL_TIMEOUT_S).ok


def _build(say: Callable[[str], None], *, run: Runner) -> None:
    """Make the local base image: a small Debian with Python, as a tar file, and from that an image."""
    say(f"Building the base image {LOCAL} from Debian packages (about half a minute, once)")
    with temporary_directory("asynclab-base-") as directory:
        tar = directory / "base.tar"
        for step in (_bootstrap(tar, run=run), _import(tar)):
            outcome = run(step, timeout_s=BUILD_TIMEOUT_S)
            if not outcome.ok:
                why = f"`{step[0]}` failed with exit code {outcome.code}"
                raise BaseImageUnavailable(LOCAL, why=why, evidence=outcome.tail())


def _ensure_builder(say: Callable[[str], None], *, run: Runner, allowed: bool) -> None:
    if shutil.which("mmdebstrap"):
        return
    host = packages.host()
    builder = PackageSet(own=("mmdebstrap", "debian-archive-keyring"))
    if not allowed or not host.is_root or host.distribution not in ("debian", "ubuntu"):
        raise BaseImageUnavailable(DEFAULT_IMAGE, why="no registry gives it, nor is mmdebstrap here to build one")
    say(f"Installing mmdebstrap from {host.distribution}")
    packages.install(builder, run=run)


def _bootstrap(tar: Path, *, run: Runner) -> tuple[str, ...]:
    return (
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
        *(f"--dpkgopt=path-include={path}" for path in KEPT),
        *(f"--aptopt={setting}" for setting in packages.apt_settings(run=run)),
        # the image needs none of this host's settings for its mirror
        '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        SUITE,
        str(tar),
        *packages.debian_sources(SUITE, run=run),
    )


def _import(tar: Path) -> tuple[str, ...]:
    return (
        "docker",
        "import",
        "--change",
        "ENV LANG=C.UTF-8",
        "--change",
        'CMD ["python3"]',
        str(tar),
        LOCAL,
    )
