"""The image that every service's image starts from. Where no registry can be reached, it is built here.

The usual base is pulled. Without a registry the lab builds one from Debian packages, once: `.env` remembers its name,
and Compose reads it from there. A base that a person chose (BASE_IMAGE) is used, never replaced.
"""

import os
from collections.abc import Callable
from pathlib import Path

from lab import env_file, subprocesses
from lab.docker import debian_image, engine
from lab.docker.errors import BaseImageUnavailable
from lab.errors import EnvFileUnwritable
from lab.settings import Settings
from lab.subprocesses import Runner

DEFAULT_IMAGE = "python:3.13-slim-trixie"
LOCAL = "asynclab-base:trixie"
SUITE = "trixie"
PACKAGES = ("ca-certificates", "python3", "python3-venv")

LOOK_TIMEOUT_S = 10.0
REGISTRY_TIMEOUT_S = 5.0
PULL_TIMEOUT_S = 600.0


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
        debian_image.ensure_builder(DEFAULT_IMAGE, say, run=run, allowed=engine.installing_allowed(settings))
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
    say(f"Building the base image {LOCAL} from Debian packages (about half a minute, once)")
    debian_image.build(LOCAL, suite=SUITE, wanted=PACKAGES, program="python3", run=run)
