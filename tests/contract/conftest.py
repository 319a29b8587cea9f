"""The lab in both its forms: a contract test takes `lab`, or `lab_url`, and runs embedded and in Compose.

One that takes `loop` as well runs embedded on both loops, and in Compose on uvloop: asyncio is what the client has
there in all tests that take no loop.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asynclab import Lab
from lab import ROOT
from lab.compose.stack import Stack
from tests.stacks import stack_of
from tests.trees import copied_tree

Result = subprocess.CompletedProcess[str]
Client = Callable[..., Result]

LAB = Path(sys.executable).parent / "lab"
GATEWAY_PORT = "3128"
EMBEDDED, COMPOSE = "embedded", "compose"
FORMS = [EMBEDDED, pytest.param(COMPOSE, marks=pytest.mark.docker)]
FORMS_AND_LOOPS = [
    (EMBEDDED, "asyncio"),
    (EMBEDDED, "uvloop"),
    pytest.param(COMPOSE, "uvloop", marks=pytest.mark.docker),
]


def run_embedded(*arguments: str) -> Result:
    """Run the client against an embedded lab."""
    return subprocess.run(
        [LAB, "embedded", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a contract test its forms of the lab, and its loops."""
    for form in {"lab", "lab_url"} & set(metafunc.fixturenames):
        if "loop" in metafunc.fixturenames:
            metafunc.parametrize((form, "loop"), FORMS_AND_LOOPS, indirect=True)
        else:
            metafunc.parametrize(form, FORMS, indirect=True)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Client:
    """Return a function that runs the client with given arguments, and returns what it printed."""
    if request.param == EMBEDDED:
        return run_embedded
    stack = request.getfixturevalue("stack")
    return lambda *arguments: stack.run_client(arguments)


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """Have a lab that stands, as `lab serve` starts it, and return the URL of its gateway."""
    with Lab() as standing:
        yield standing.proxy_url


@pytest.fixture
def lab_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a lab's gateway on this machine: in Compose, that of the published port."""
    if request.param == EMBEDDED:
        return str(request.getfixturevalue("embedded_url"))
    return published_url(request.getfixturevalue("stack"))


def published_url(stack: Stack) -> str:
    """Return the URL at which the gateway of a lab in containers is published."""
    return f"http://{stack.run_compose('port', 'gateway', GATEWAY_PORT).stdout.strip()}"


@pytest.fixture
def joined(lab_url: str) -> Iterator[Lab]:
    """Join a lab, and leave it as it was."""
    with Lab.join(lab_url, timeout_s=20) as lab, lab.view() as view:
        yield view


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> str:
    """Return the name of a loop."""
    return str(request.param)


@pytest.fixture
def own_stack(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """Return a lab of a copied tree, so that it does not change the person's own."""
    stack = stack_of("asynclab-test-own", copied_tree(tmp_path))
    try:
        yield stack
    finally:
        stack.down()
