"""A program that cannot accept connections logs one line."""

import asyncio
import errno
import os

import pytest

from services.runtime.run import Stop, run
from services.runtime.serving.listen import NO_RESOURCES
from services.runtime.settings import LOOPS


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("number", sorted(NO_RESOURCES), ids=errno.errorcode.__getitem__)
def test_each_lack_is_logged_once_and_without_a_traceback(
    loop: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop calls the handler again and again."""

    async def main(_stop: Stop) -> int:
        for _again in range(3):
            error = OSError(number, os.strerror(number))
            message = "socket.accept() out of system resource"
            asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
        return 0

    run(main, loop=loop, announce=False)
    (line,) = caplog.records
    assert os.strerror(number) in line.getMessage()
    assert line.exc_info is None


@pytest.mark.parametrize("loop", LOOPS)
def test_any_other_error_is_logged_by_the_loop(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in the code keeps its traceback."""

    async def main(_stop: Stop) -> int:
        asyncio.get_running_loop().call_exception_handler({"message": "a callback failed", "exception": KeyError("a")})
        return 0

    run(main, loop=loop, announce=False)
    (line,) = caplog.records
    assert line.exc_info is not None
