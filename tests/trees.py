"""A checkout of a test's own: what the lab remembers of it, and what it writes into it, is not the person's."""

from pathlib import Path

from lab import base
from lab.tree import copy_tree


def copied_tree(into: Path) -> Path:
    """Copy what a lab in containers is made from, and return the copy's root. An engine has to be there."""
    base_image = base.ensure(print)
    copy_tree(into)
    (into / ".env").write_text(f"BASE_IMAGE={base_image}\nHELLO_PORT=0\n")
    return into
