"""The root of all errors of the lab's command line, and the errors of settings, recordings and command lines.

Others are in `docker/errors.py`, `compose/errors.py` and `bench/errors.py`. An error's text is one line: what is wrong,
then what to do about it. `lab.cli` prints the evidence (the last lines of another program's log, if there are any) and
then that line on stderr, and exits with `exit_code`. What other programs said can hold what peers said, so control
characters are escaped here, for all errors.
"""

from collections.abc import Sequence
from pathlib import Path

from services.runtime.terminal import printable

DEMO = "`make demo` runs the whole lab without Docker"


class LabError(Exception):
    """The root: one line of text, an exit code, and the last lines of another program as evidence."""

    exit_code = 2

    def __init__(self, problem: str, remedy: str, *, evidence: Sequence[str] = ()) -> None:
        self.problem = printable(problem)
        self.remedy = printable(remedy)
        self.evidence = tuple(printable(line.expandtabs()) for each in evidence for line in each.splitlines() or [""])
        super().__init__(f"{self.problem}: {self.remedy}")


class NoCheckout(LabError):
    """A command that needs the files of a checkout was called where the package is installed without one."""

    def __init__(self) -> None:
        super().__init__(
            "this is the installed package, and the command needs the project's checkout",
            "clone it and `make setup` there; without it there are `lab serve`, `watch` and `embedded`, and `asynclab`",
        )


class EnvFileBroken(LabError):
    """The `.env` file cannot be read as KEY=VALUE lines."""

    def __init__(self, path: Path, *, what: str, line: int = 0) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where} {what}", "write KEY=VALUE lines, or start comments with #")
        self.line = line


class EnvFileUnreadable(LabError):
    """The `.env` file is there, and the system does not let this user read it."""

    exit_code = 3

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path} cannot be read ({reason})", "make it a file that you may read (chown, chmod)")


class SettingUnfit(LabError):
    """A value cannot be a line of `.env`, which Compose reads too."""

    def __init__(self, key: str, value: str, why: str) -> None:
        super().__init__(f"{key}={ascii(value)[:200]} cannot be kept in .env ({why})", "choose a plainer one")


class EnvFileUnwritable(LabError):
    """The `.env` file cannot be written."""

    exit_code = 3

    def __init__(self, path: Path, *, reason: str, wanted: str) -> None:
        super().__init__(f"cannot write {path} ({reason})", f"make it writable, or add {wanted} by hand")


class RecordingsUnusable(LabError):
    """The directory of recordings, or the file that is made from it, cannot be used."""

    exit_code = 3

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path} {what}", remedy)


class WrongUsage(LabError):
    """Words or options of a command that name nothing, or do not go together."""
