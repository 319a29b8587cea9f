"""Projects of containers for tests: with the settings as they are at this moment, which a test may have changed."""

import os
from pathlib import Path

from lab import ROOT
from lab.compose.stack import Stack
from lab.settings import Settings, read


def settings_now(root: Path = ROOT) -> Settings:
    """Return what the environment and a checkout's `.env` say at this moment."""
    return read(root, os.environ)


def stack_of(project: str, root: Path = ROOT) -> Stack:
    """Return a project of containers, made from a checkout."""
    return Stack(project, settings_now(root))


def reread(stack: Stack) -> Stack:
    """Return the same project with the settings of this moment."""
    return stack_of(stack.project, stack.root)


def image_of(stack: Stack, name: str) -> str:
    """Return the image of a project's service: LAB_TAG keeps those of several checkouts apart."""
    return f"asynclab/{name}:{stack.settings.values.get('LAB_TAG', 'latest')}"
