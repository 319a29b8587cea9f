"""A broker and two workers for tests that break them, beside the lab of all tests, whose images they have."""

import subprocess
from collections.abc import Iterator

import pytest

from lab.compose.stack import Stack
from tests.docker.pipeline.own_lab import STORE_MIB, FaultLab, compose_file
from tests.stacks import stack_of

PROJECT = "asynclab-test-faults"


@pytest.fixture(scope="package")
def own_lab(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultLab]:
    """Have the containers of one project for all tests here."""
    file = tmp_path_factory.mktemp("faults") / "faults.yaml"
    file.write_text(compose_file(STORE_MIB))
    made = FaultLab(stack_of(PROJECT, stack.root), file)
    made.down()
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def lab(own_lab: FaultLab) -> Iterator[FaultLab]:
    """Have it as it was begun, whatever the test before has done."""
    own_lab.mend()
    try:
        yield own_lab
    finally:
        own_lab.end_runs()


@pytest.hookimpl(tryfirst=True)
def pytest_exception_interact(node: pytest.Item, call: object) -> None:
    """Show what the containers logged, where a test fails."""
    logs = subprocess.run(
        ["docker", "compose", "--project-name", PROJECT, "logs", "--tail", "30"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(logs.stdout)
