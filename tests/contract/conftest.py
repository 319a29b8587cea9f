"""The lab in both its forms: a contract test takes `lab`, and runs embedded and in Compose."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.stacks import stack_of
from tests.trees import copied_tree

Result = subprocess.CompletedProcess[str]
Client = Callable[..., Result]

LAB = Path(sys.executable).parent / "lab"


def run_embedded(*arguments: str) -> Result:
    """Run the client against an embedded lab."""
    return subprocess.run(
        [LAB, "embedded", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=["embedded", pytest.param("compose", marks=pytest.mark.docker)])
def lab(request: pytest.FixtureRequest) -> Client:
    """Return a function that runs the client with given arguments, and returns what it printed."""
    if request.param == "embedded":
        return run_embedded
    stack = request.getfixturevalue("stack")
    return lambda *arguments: stack.run_client(arguments)


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """Return the name of each loop."""
    return str(request.param)


@pytest.fixture
def own_stack(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """Return a lab of a copied tree, so that it does not change the person's own."""
    stack = stack_of("asynclab-test-own", copied_tree(tmp_path))
    try:
        yield stack
    finally:
        stack.down()
