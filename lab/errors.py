"""Everything that can go wrong in the control room, by name.

An error's text is one line: what is wrong, then what to do about it. `lab.cli` prints the evidence (the last
lines of a foreign program's log, if there are any) and then that line on stderr, and exits with `exit_code`.
What other programs said can hold what peers said: control characters are escaped here, once for all errors.
"""

from collections.abc import Sequence
from pathlib import Path

from services.runtime.terminal import printable

DEMO = "`make demo` runs the whole lab without Docker"


class LabError(Exception):
    """The root: one clear line, an exit code, and what a foreign program had to say about it."""

    exit_code = 2

    def __init__(self, problem: str, remedy: str, *, evidence: Sequence[str] = ()) -> None:
        self.problem = printable(problem)
        self.remedy = printable(remedy)
        self.evidence = tuple(printable(line.expandtabs()) for each in evidence for line in each.splitlines() or [""])
        super().__init__(f"{self.problem}: {self.remedy}")


class EngineMissing(LabError):
    """There is no Docker engine, and this machine is not one on which the lab can install it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no Docker engine here, and {why}", f"install or start Docker yourself, or {DEMO}")
        self.why = why


class DockerMissing(LabError):
    """There is no Docker client, nor an engine, so there is no lab in containers to look at."""

    def __init__(self) -> None:
        super().__init__("no Docker here, so no lab in containers", f"`make up` installs it where it can, or {DEMO}")


class DockerClientMissing(LabError):
    """An engine runs, is installed or is named in DOCKER_HOST, and there is no Docker client to ask it with."""

    def __init__(self) -> None:
        super().__init__(
            "a Docker engine may hold a lab, and there is no `docker` on the PATH to ask it with",
            f"put Docker's client on the PATH; {DEMO}",
        )


class EngineNotAllowed(LabError):
    """Something would have to be installed or started, and LAB_ENGINE=never forbids it."""

    def __init__(self, lacking: str) -> None:
        super().__init__(f"{lacking}, and LAB_ENGINE=never forbids mending that", f"unset it, or {DEMO}")
        self.lacking = lacking


class EngineSettingUnknown(LabError):
    """LAB_ENGINE holds a word that means nothing."""

    def __init__(self, value: str) -> None:
        super().__init__(f"LAB_ENGINE={value!r} is unknown", "set it to auto or never")
        self.value = value


class EngineUnreachable(LabError):
    """The Docker client is pointed at another engine, which is not ours to mend, and gets no answer."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"the Docker client is pointed at {endpoint}, where nothing answers",
            f"start that engine, unset DOCKER_HOST or `docker context use default`; {DEMO}",
        )
        self.endpoint = endpoint


class EngineStopped(LabError):
    """A Docker engine is installed, and does not run: what it holds can be neither seen nor removed."""

    def __init__(self) -> None:
        super().__init__(
            "no Docker engine answers here, so a lab that it holds can be neither seen nor taken down",
            f"start it (`lab engine`, as root), then again; {DEMO}",
        )


class EngineSilent(LabError):
    """Something takes the Docker client's calls, and does not answer them before the deadline."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"the Docker engine gives no answer in {after_s:g} s", f"restart it, or wait; {DEMO}")
        self.after_s = after_s


class EngineNotOurs(LabError):
    """The daemon that the lab started belongs to another user, who alone may stop it."""

    exit_code = 3

    def __init__(self, pid: int) -> None:
        super().__init__(f"the Docker daemon (pid {pid}) is another user's", "stop it as that user (`sudo`)")
        self.pid = pid


class DockerClientFails(LabError):
    """The Docker client ends before it asks an engine: its context, its TLS files or its configuration are broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the Docker client does not come as far as to ask an engine ({reason})",
            f"correct DOCKER_HOST, DOCKER_CONTEXT or its configuration; {DEMO}",
        )
        self.reason = reason


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
        self.log = log


class EngineNotStopping(LabError):
    """The daemon was asked to stop and is still there after the deadline."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"the Docker daemon (pid {pid}) does not stop", f"`kill -9 {pid}`")
        self.pid = pid


class ComposeMissing(LabError):
    """The engine works, and the Compose plugin is not there and cannot be installed from here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"`docker compose` is missing, and {why}", f"install the Compose v2 plugin yourself, or {DEMO}"
        )
        self.why = why


class ComposeTooOld(LabError):
    """A Compose is there, and it does not know what compose.yaml needs."""

    def __init__(self, found: str, *, needed: str) -> None:
        super().__init__(f"Compose {found} is too old, {needed} is needed", f"upgrade the Compose plugin, or {DEMO}")
        self.found = found
        self.needed = needed


class InstallFailed(LabError):
    """The distribution's packages could not be fetched or installed."""

    def __init__(self, packages: Sequence[str], *, log: Path, evidence: Sequence[str] = ()) -> None:
        names = " ".join(packages)
        super().__init__(
            f"could not install {names}", f"read {log} and mend apt, then again; {DEMO}", evidence=evidence
        )
        self.packages = tuple(packages)
        self.log = log


class BaseImageUnavailable(LabError):
    """The image that every service's image starts from is not here, and cannot be had or built."""

    def __init__(self, image: str, *, why: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"the base image {image} is not here, and {why}",
            f"set BASE_IMAGE to an image that this engine has, or {DEMO}",
            evidence=evidence,
        )
        self.image = image
        self.why = why


class EnvFileBroken(LabError):
    """The `.env` file cannot be read as KEY=VALUE lines."""

    def __init__(self, path: Path, *, what: str, line: int = 0) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where} {what}", "write KEY=VALUE lines, or start comments with #")
        self.path = path
        self.line = line


class EnvFileUnreadable(LabError):
    """The `.env` file is there, and the system does not let this user read it."""

    exit_code = 3

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path} cannot be read ({reason})", "make it a file that you may read (chown, chmod)")
        self.path = path
        self.reason = reason


class SettingUnfit(LabError):
    """A value cannot be a line of `.env`, which Compose reads too."""

    def __init__(self, key: str, value: str, why: str) -> None:
        super().__init__(f"{key}={ascii(value)[:200]} cannot be kept in .env ({why})", "choose a plainer one")
        self.key = key
        self.value = value


class EnvFileUnwritable(LabError):
    """The `.env` file cannot be written."""

    exit_code = 3

    def __init__(self, path: Path, *, reason: str, wanted: str) -> None:
        super().__init__(f"cannot write {path} ({reason})", f"make it writable, or add {wanted} by hand")
        self.path = path
        self.wanted = wanted


class NothingToRecord(LabError):
    """`record` was called without a URL."""

    def __init__(self) -> None:
        super().__init__("no URL was given", "make record URL=http://example.org/, or lab record http://example.org/")


class RecordingsUnusable(LabError):
    """The directory of recordings, or what is made from it, is not as it has to be."""

    exit_code = 3

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path} {what}", remedy)
        self.path = path


class BenchFailed(LabError):
    """Something that a bench measures did not start, failed, or gave wrong answers."""

    exit_code = 1

    def __init__(self, what: str, *, why: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(f"{what} could not be measured, {why}", "its last lines are above", evidence=evidence)
        self.what = what
        self.why = why


class BenchUnknown(LabError):
    """A bench was asked for that there is not."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no bench {name[:40]!r}", f"choose from {', '.join(known)}")
        self.name = name


class OptionsUnfit(LabError):
    """Options that do not go together."""


class ReportUnwritable(LabError):
    """A file of figures cannot be written."""

    exit_code = 3

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write {path} ({reason})", "name a file that can be written")
        self.path = path


class PeersNotInstallable(LabError):
    """Peers are missing, and this is not a machine on which the lab installs packages."""

    def __init__(self, packages: Sequence[str]) -> None:
        super().__init__("only root on Debian or Ubuntu can install peers", f"install {' '.join(packages)} yourself")
        self.packages = tuple(packages)


class LockBusy(LabError):
    """Another `lab` works on the same project, and does not come to an end."""

    exit_code = 1

    def __init__(self, name: str, file: Path, *, waited_s: float) -> None:
        super().__init__(
            f"another `lab` has been at work on {name} for {waited_s:g} s", f"end it (`fuser {file}` shows it)"
        )
        self.name = name
        self.file = file


class LockClosed(LabError):
    """The file of a project's lock is another user's, and cannot be opened, so it may be held."""

    exit_code = 1

    def __init__(self, name: str, file: Path, *, waited_s: float) -> None:
        super().__init__(
            f"{file} cannot be opened, so another user may be at work on {name} (waited {waited_s:g} s)",
            "where that is not so, remove it as that user",
        )
        self.name = name
        self.file = file


class ProjectNameBad(LabError):
    """A project cannot have that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"COMPOSE_PROJECT_NAME={ascii(name)[:80]} is not the name of a project",
            "begin with a letter or digit in lower case, go on with those, - and _, 63 at most",
        )
        self.name = name


class PortTaken(LabError):
    """The port on which the hello server is to be published is in use."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is in use", "set HELLO_PORT in .env to a free port")
        self.address = address


class ComposeRefused(LabError):
    """Compose did not accept its files or `.env`, or could not build or start a service."""

    def __init__(self, doing: str, *, reason: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(f"{doing} failed ({reason})", "mend what is named here, then again", evidence=evidence)
        self.doing = doing
        self.reason = reason


class TooSlow(LabError):
    """Services are neither healthy nor failed when their time is over."""

    exit_code = 1

    def __init__(self, services: Sequence[str], *, timeout_s: float, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"not healthy in {timeout_s:g} s: {', '.join(services) or 'no service started'}",
            "give it longer (`lab up --timeout`), or look at HEALTH_INTERVAL",
            evidence=evidence,
        )
        self.services = tuple(services)
        self.timeout_s = timeout_s


class LabNotHealthy(LabError):
    """A service did not become healthy."""

    exit_code = 1

    def __init__(self, services: Sequence[str], *, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"not healthy: {', '.join(services)}", "its last lines and health log are above", evidence=evidence
        )
        self.services = tuple(services)
