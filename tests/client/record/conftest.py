"""A runner of coroutines on each loop."""

import asyncio
from collections.abc import Iterator

import pytest

from services.runtime.run import loop_factory


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[asyncio.Runner]:
    """Return a function that runs a coroutine on each loop; its output is captured in memory, which blocks nothing."""
    with asyncio.Runner(loop_factory=loop_factory(request.param)) as each:
        yield each
