"""A copy of the files from which containers are made, for a lab with other settings and recordings."""

import shutil
from pathlib import Path

from lab import ROOT
from lab.compose import override

FILES = (*override.FILES, ".dockerignore")
FOLDERS = ("services", "requirements")


def copy_tree(into: Path) -> None:
    """Copy them into a directory, which is then the root of another lab."""
    for name in FILES:
        shutil.copy(ROOT / name, into)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
