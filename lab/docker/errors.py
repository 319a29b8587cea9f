"""The errors of the engine, its client, its packages and the base image."""

from collections.abc import Sequence
from pathlib import Path

from lab.errors import DEMO, LabError


class EngineMissing(LabError):
    """There is no Docker engine, and this machine is not one on which the lab can install it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no Docker engine here, and {why}", f"install or start Docker yourself, or {DEMO}")


class DockerMissing(LabError):
    """There is neither a Docker client nor an engine, so there is no lab in containers."""

    def __init__(self) -> None:
        super().__init__("no Docker here, so no lab in containers", f"`make up` installs it where it can, or {DEMO}")


class DockerClientMissing(LabError):
    """An engine runs, is installed or is named in DOCKER_HOST, but there is no Docker client."""

    def __init__(self) -> None:
        super().__init__(
            "a Docker engine may hold a lab, and there is no `docker` on the PATH to ask it with",
            f"put Docker's client on the PATH; {DEMO}",
        )


class EngineNotAllowed(LabError):
    """Something would have to be installed or started, and LAB_ENGINE=never forbids it."""

    def __init__(self, lacking: str) -> None:
        super().__init__(f"{lacking}, and LAB_ENGINE=never forbids mending that", f"unset it, or {DEMO}")


class EngineSettingUnknown(LabError):
    """LAB_ENGINE is neither auto nor never."""

    def __init__(self, value: str) -> None:
        super().__init__(f"LAB_ENGINE={value!r} is unknown", "set it to auto or never")


class EngineUnreachable(LabError):
    """The Docker client is pointed at an engine elsewhere, and gets no answer."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"the Docker client is pointed at {endpoint}, where nothing answers",
            f"start that engine, unset DOCKER_HOST or `docker context use default`; {DEMO}",
        )


class EngineStopped(LabError):
    """A Docker engine is installed, and does not run: its containers can be neither seen nor removed."""

    def __init__(self) -> None:
        super().__init__(
            "no Docker engine answers here, so a lab that it holds can be neither seen nor taken down",
            f"start it (`lab engine`, as root), then again; {DEMO}",
        )


class EngineSilent(LabError):
    """A process accepts the Docker client's connections, and does not answer before the deadline."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"the Docker engine gives no answer in {after_s:g} s", f"restart it, or wait; {DEMO}")


class EngineNotOurs(LabError):
    """The daemon that the lab started belongs to another user, and only that user may stop it."""

    exit_code = 3

    def __init__(self, pid: int) -> None:
        super().__init__(f"the Docker daemon (pid {pid}) is another user's", "stop it as that user (`sudo`)")


class DockerClientFails(LabError):
    """The Docker client ends before it asks an engine: its context, its TLS files or its configuration are broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the Docker client does not come as far as to ask an engine ({reason})",
            f"correct DOCKER_HOST, DOCKER_CONTEXT or its configuration; {DEMO}",
        )


class EngineDenied(LabError):
    """An engine runs, and this user may not talk to it."""

    def __init__(self) -> None:
        super().__init__(
            "the Docker engine refuses this user",
            f"`sudo usermod -aG docker $USER` and log in again; {DEMO}",
        )


class EngineNotStarting(LabError):
    """The daemon was started and died, or did not answer before the deadline."""

    def __init__(self, what: str, *, log: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(f"the Docker daemon {what}", f"read {log}; {DEMO}", evidence=evidence)


class EngineNotStopping(LabError):
    """The daemon was asked to stop and is still there after the deadline."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"the Docker daemon (pid {pid}) does not stop", f"`kill -9 {pid}`")


class ComposeMissing(LabError):
    """The engine works, but the Compose plugin is missing and cannot be installed from here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"`docker compose` is missing, and {why}", f"install the Compose v2 plugin yourself, or {DEMO}"
        )


class ComposeTooOld(LabError):
    """Compose is too old for compose.yaml."""

    def __init__(self, found: str, *, needed: str) -> None:
        super().__init__(f"Compose {found} is too old, {needed} is needed", f"upgrade the Compose plugin, or {DEMO}")


class InstallFailed(LabError):
    """The distribution's packages could not be fetched or installed."""

    def __init__(self, packages: Sequence[str], *, log: Path, evidence: Sequence[str] = ()) -> None:
        names = " ".join(packages)
        super().__init__(
            f"could not install {names}", f"read {log} and correct apt, then again; {DEMO}", evidence=evidence
        )


class BaseImageUnavailable(LabError):
    """The image that every service's image starts from is not here, and can be neither pulled nor built."""

    def __init__(self, image: str, *, why: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"the base image {image} is not here, and {why}",
            f"set BASE_IMAGE to an image that this engine has, or {DEMO}",
            evidence=evidence,
        )
