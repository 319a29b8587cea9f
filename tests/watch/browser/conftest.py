"""The browser, and a lab with its page, for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import chromium
from tests.watch.browser.watch_program import WatchProgram

__all__ = ["chromium"]


@pytest.fixture(scope="module")
def watch() -> Iterator[WatchProgram]:
    """Have a lab with its page, as `lab watch` starts them."""
    with WatchProgram() as program:
        yield program
