"""A checkout of a test's own: what the lab remembers of it, and what it writes into it, is not the person's."""

import shutil
from pathlib import Path

from lab import base, recordings
from lab.stack import ROOT


def copied_tree(into: Path) -> Path:
    """Copy what a lab in containers is made from, and return the copy's root. An engine has to be there."""
    base_image = base.ensure(print)
    for name in (*recordings.FILES, ".dockerignore"):
        shutil.copy(ROOT / name, into)
    for name in ("services", "requirements"):
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    (into / ".env").write_text(f"BASE_IMAGE={base_image}\nHELLO_PORT=0\n")
    return into
