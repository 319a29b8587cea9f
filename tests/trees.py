"""A copy of the checkout for one test: neither `.env` nor any generated file of the person's own checkout changes."""

from pathlib import Path

from lab.compose.tree import copy_tree
from lab.docker import base_image


def copied_tree(into: Path) -> Path:
    """Copy the files that a lab in containers is made from into a directory, and return it.

    Its `.env` names the base image, and any free port for hello. Needs the Docker engine.
    """
    image = base_image.ensure(print)
    copy_tree(into)
    (into / ".env").write_text(f"BASE_IMAGE={image}\nHELLO_PORT=0\n")
    return into
