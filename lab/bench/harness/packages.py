"""Peers that are packages of Python: where one is missing, its figures are left out, and a note says how to get it."""

from dataclasses import dataclass
from importlib.util import find_spec


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
