"""Running a program: the choice of the loop, signals, and errors of tasks."""

import asyncio
import errno
import os
import signal
import sys

import pytest

from services.runtime.cli import INTERRUPTED
from services.runtime.errors import BadSetting, LoopMissing, NoFile, NoThread, OutOfMemory
from services.runtime.run import Stop, loop_factory, run, running_loop_name, until_stopped
from services.runtime.settings import LOOPS


@pytest.mark.parametrize("name", LOOPS)
def test_the_chosen_loop_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Results name the loop that runs, as the loop itself tells it."""
    seen: list[str] = []

    async def main(_stop: Stop) -> int:
        seen.append(running_loop_name())
        return 7

    assert run(main, loop=name) == 7
    assert seen == [name]
    assert capsys.readouterr().err == f"loop: {name}\n"


def test_uvloop_where_it_is_missing_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop is optional: the person can install it, or choose asyncio."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(LoopMissing, match=r"^the uvloop loop is not installed here: .*--loop asyncio$") as missing:
        loop_factory("uvloop")
    assert missing.value.exit_code == 2


def test_an_unknown_loop_is_refused() -> None:
    """The names are a closed list."""
    with pytest.raises(BadSetting, match="asyncio, uvloop"):
        loop_factory("trio")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_signal_cancels_the_work_and_more_of_them_change_nothing(loop: str, number: signal.Signals) -> None:
    """`docker compose run -T` forwards each ^C twice: the second must not interrupt the clean-up."""
    cleaned: list[str] = []

    async def work() -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
            cleaned.append("all")
        return 0

    assert run(lambda stop: until_stopped(work(), stop), loop=loop) == INTERRUPTED
    assert cleaned == ["all"]


@pytest.mark.parametrize("loop", LOOPS)
def test_work_that_ends_first_keeps_its_exit_code(loop: str) -> None:
    """A stop that never comes changes nothing."""

    async def work() -> int:
        return 3

    assert run(lambda stop: until_stopped(work(), stop), loop=loop) == 3


def test_a_program_error_in_a_task_group_is_raised_without_the_group() -> None:
    """So that it is one line, at any depth of tasks."""

    async def fail() -> None:
        raise BadSetting("LAB_LOOP", "x", "a loop")

    async def main(_stop: Stop) -> int:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
        return 0

    with pytest.raises(BadSetting, match="LAB_LOOP='x'"):
        run(main, loop="asyncio")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (MemoryError(), OutOfMemory),
        (RuntimeError("can't start new thread"), NoThread),
        (RuntimeError("a mistake of ours"), RuntimeError),
        (OSError(errno.EMFILE, "too many open files"), NoFile),
        (OSError(errno.EACCES, "not allowed"), PermissionError),
    ],
)
@pytest.mark.parametrize("in_group", [False, True])
def test_a_lack_of_memory_threads_or_files_is_a_program_error(
    raised: Exception, expected: type[Exception], in_group: bool
) -> None:
    """Any other error is raised unchanged."""

    async def fail() -> int:
        raise raised

    async def main(_stop: Stop) -> int:
        if not in_group:
            return await fail()
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
        return 0

    with pytest.raises((expected, ExceptionGroup)) as ended:
        run(main, loop="asyncio")
    error: BaseException = ended.value
    while isinstance(error, BaseExceptionGroup):
        assert expected in {RuntimeError, PermissionError}
        error = error.exceptions[0]
    assert type(error) is expected


def test_signals_at_once_are_one_and_a_later_one_is_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay doubles a ^C within milliseconds; a person's second ^C comes later."""
    now = [100.0]
    monkeypatch.setattr("services.runtime.run.time.monotonic", lambda: now[0])
    stop = Stop()
    for moment, asked, again in (
        (100.0, True, False),
        (100.01, True, False),
        (100.1, True, False),
        (100.3, True, True),
    ):
        now[0] = moment
        stop.ask(signal.SIGINT)
        assert (stop.event.is_set(), stop.again.is_set()) == (asked, again)


def test_a_program_inside_another_does_not_print_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    """The outer program has printed it."""

    async def main(_stop: Stop) -> int:
        return 0

    assert run(main, loop="asyncio", announce=False) == 0
    assert capsys.readouterr().err == ""
