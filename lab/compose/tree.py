"""A copy of what the lab in containers is made from: for a lab whose settings and recordings are not the checkout's."""

import shutil
from pathlib import Path

from lab import ROOT
from lab.compose import override

FILES = (*override.FILES, ".dockerignore")
FOLDERS = ("services", "requirements")


def copy_tree(into: Path) -> None:
    """Copy it into a directory, which is then the root of another lab."""
    for name in FILES:
        shutil.copy(ROOT / name, into)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
