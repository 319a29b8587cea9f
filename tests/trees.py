"""A copy of the checkout for one test: neither `.env` nor any generated file of the person's own checkout changes."""

from pathlib import Path

from lab.compose.tree import copy_tree
from lab.docker import base_image
from tests.stacks import settings_now


def copied_tree(into: Path) -> Path:
    """Copy what a lab in containers is made from, and return the copy's root. An engine has to be there."""
    image = base_image.ensure(print, settings_now())
    copy_tree(into)
    (into / ".env").write_text(f"BASE_IMAGE={image}\nHELLO_PORT=0\nGATEWAY_PORT=0\nWATCH_PORT=0\n")
    return into
