"""The errors of a project of containers: its lock, its name, its ports, its start."""

import re
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.subprocesses import Outcome

# Messages of Compose and the engine; the group is the address.
PORT_TAKEN = re.compile(
    r"(?:tcp4? |Bind for )(\S+:\d+)(?:: bind: address already in use| failed: port is already allocated)"
)


class LockBusy(LabError):
    """Another `lab` works on the same project, and does not end."""

    exit_code = 1

    def __init__(self, name: str, file: Path, *, waited_s: float) -> None:
        super().__init__(
            f"another `lab` has been at work on {name} for {waited_s:g} s", f"end it (`fuser {file}` shows it)"
        )


class LockClosed(LabError):
    """The file of a project's lock is another user's, and cannot be opened, so it may be held."""

    exit_code = 1

    def __init__(self, name: str, file: Path, *, waited_s: float) -> None:
        super().__init__(
            f"{file} cannot be opened, so another user may be at work on {name} (waited {waited_s:g} s)",
            "where that is not so, remove it as that user",
        )


class ProjectNameBad(LabError):
    """A project cannot have that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"COMPOSE_PROJECT_NAME={ascii(name)[:80]} is not the name of a project",
            "begin with a letter or digit in lower case, go on with those, - and _, 63 at most",
        )


class PasswordFileUnusable(LabError):
    """The file of the broker's password cannot be made or read, or holds no password."""

    exit_code = 3

    def __init__(self, file: Path, what: str, remedy: str) -> None:
        super().__init__(f"{file} {what}", remedy)


class PortTaken(LabError):
    """A port that is to be published is in use. `setting`: the variable that names another one."""

    def __init__(self, address: str, *, setting: str = "HELLO_PORT, GATEWAY_PORT or WATCH_PORT") -> None:
        super().__init__(f"{address} is in use", f"set {setting} in .env to a free port")


class ComposeRefused(LabError):
    """Compose did not accept its files or `.env`, or could not build or start a service."""

    def __init__(self, doing: str, *, reason: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(f"{doing} failed ({reason})", "correct what is named here, then again", evidence=evidence)


class TooSlow(LabError):
    """Services are neither healthy nor failed at the deadline."""

    exit_code = 1

    def __init__(self, services: Sequence[str], *, timeout_s: float, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"not healthy in {timeout_s:g} s: {', '.join(services) or 'no service started'}",
            "give it longer (`lab up --timeout`), or look at HEALTH_INTERVAL",
            evidence=evidence,
        )


class LabNotHealthy(LabError):
    """A service did not become healthy."""

    exit_code = 1

    def __init__(self, services: Sequence[str], *, evidence: Sequence[str] = ()) -> None:
        super().__init__(
            f"not healthy: {', '.join(services)}", "its last lines and health log are above", evidence=evidence
        )


def refusal(doing: str, outcome: Outcome, *, last_lines: int = 0) -> LabError:
    """Return the LabError for a Compose command that failed: one line and, if asked for, the lines before it."""
    said = (outcome.err or outcome.out).strip()
    if taken := PORT_TAKEN.search(said):
        return PortTaken(taken[1])
    *before, last = said.splitlines() or [f"exit code {outcome.code}"]
    return ComposeRefused(doing, reason=last.strip(), evidence=before[-last_lines:] if last_lines else ())
