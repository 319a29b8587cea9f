"""The errors of a bench: what it measures, the peers, the files of figures."""

from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError


class BenchFailed(LabError):
    """Something that a bench measures did not start, failed, or gave wrong answers."""

    exit_code = 1

    def __init__(self, what: str, *, why: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(f"{what} could not be measured, {why}", "its last lines are above", evidence=evidence)


class ReportUnwritable(LabError):
    """A file of figures cannot be written."""

    exit_code = 3

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write {path} ({reason})", "name a file that can be written")


class PeersNotInstallable(LabError):
    """Peers are missing, and this is not a machine on which the lab installs packages."""

    def __init__(self, packages: Sequence[str]) -> None:
        super().__init__("only root on Debian or Ubuntu can install peers", f"install {' '.join(packages)} yourself")
