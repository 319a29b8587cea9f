"""A test that hangs is one failed test, with its stack, on both loops; the tests after it run."""

import pytest

from lab import ROOT

MODULE = """
import asyncio
import threading

import pytest

pytestmark = pytest.mark.timeout(1.0)
BEGUN = []


@pytest.fixture
def anyio_backend():
    return "asyncio", {"use_uvloop": %r}


@pytest.fixture(autouse=True)
def undone():
    assert BEGUN == []
    BEGUN.append(1)
    yield
    BEGUN.clear()


async def waits():
    await asyncio.Event().wait()  # here


def turn():
    asyncio.get_running_loop().call_soon(turn)


@pytest.mark.anyio
@pytest.mark.timeout(0)
async def test_before():
    "Import what a first test imports."

"""
HANGS = """
@pytest.mark.anyio
async def test_in_a_coroutine():
    await waits()


@pytest.mark.anyio
async def test_in_a_task():
    async with asyncio.TaskGroup() as group:
        group.create_task(waits())


@pytest.mark.anyio
async def test_in_callbacks():
    turn()
    await waits()


@pytest.mark.anyio
async def test_in_its_finally():
    try:
        await waits()
    finally:
        await asyncio.Event().wait()


def test_in_another_loop():
    asyncio.run(waits())


@pytest.mark.anyio
async def test_in_a_thread():
    release = threading.Event()
    try:
        await asyncio.to_thread(release.wait)  # here
    finally:
        release.set()


def test_without_a_loop():
    threading.Event().wait()  # here


def test_and_catches_it():
    try:
        threading.Event().wait()  # here
    except BaseException:
        pass


@pytest.fixture
def hangs_in_a_fixture():
    threading.Event().wait()  # here


def test_in_a_fixture(hangs_in_a_fixture):
    pass


@pytest.fixture
async def hangs_in_a_fixture_of_a_loop():
    await waits()


@pytest.mark.anyio
async def test_in_a_fixture_of_a_loop(hangs_in_a_fixture_of_a_loop):
    pass


@pytest.fixture
def hangs_at_its_end():
    yield
    threading.Event().wait()  # here


def test_in_a_fixture_s_end(hangs_at_its_end):
    pass
"""
AFTER = """
@pytest.mark.anyio
@pytest.mark.timeout(0)
async def test_after():
    pass
"""
FAIL = (
    *("in_a_coroutine", "in_a_task", "in_callbacks", "in_its_finally", "in_another_loop", "in_a_thread"),
    *("without_a_loop", "and_catches_it"),
)
ERRORS = ("in_a_fixture", "in_a_fixture_of_a_loop", "in_a_fixture_s_end")
LOOPS = pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Have a project whose tests are ended as those of this repository, and a test more often."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest("pytest_plugins = ['tests.timeouts']\nfrom tests import timeouts\ntimeouts.AGAIN_S = 2.0")
    return pytester


@LOOPS
def test_a_test_that_hangs_is_one_failure(project: pytest.Pytester, uvloop: bool) -> None:
    """Its report has the line at which it waits; its fixtures are ended, and the tests after it run."""
    project.makepyfile(MODULE % uvloop + HANGS + AFTER)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-q", timeout=55)
    result.assert_outcomes(
        failed=len(FAIL), errors=len(ERRORS), passed=3
    )  # the first, the last, that of a fixture's end
    _, *reports = str(result.stdout).partition("= short test summary info =")[0].split("Timeout (>1.0s)\n")
    assert len(reports) == len(FAIL + ERRORS)
    assert [report for report in reports if "# here" not in report] == []
    summary = [line.split() for line in result.outlines if line.startswith(("FAILED ", "ERROR "))]
    assert {(line[0], line[1].rpartition("::test_")[2]) for line in summary} == {
        *(("FAILED", name) for name in FAIL),
        *(("ERROR", name) for name in ERRORS),
    }


CATCHES_ALL = """
def test_hangs():
    while True:
        try:
            threading.Event().wait()  # here
        except BaseException:
            pass
"""
CATCHES_ALL_IN_A_LOOP = """
@pytest.mark.anyio
async def test_hangs():
    while True:
        try:
            await waits()
        except BaseException:
            pass
"""


@LOOPS
@pytest.mark.parametrize("hangs", [CATCHES_ALL, CATCHES_ALL_IN_A_LOOP], ids=["without a loop", "in a loop"])
def test_a_test_that_cannot_be_ended_ends_its_worker(project: pytest.Pytester, hangs: str, uvloop: bool) -> None:
    """It catches whatever is raised: pytest-xdist starts another worker, and the other tests run."""
    project.makepyfile(MODULE % uvloop + hangs + AFTER)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-q", "-n", "1", timeout=55)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running*test_hangs*"])
    result.stderr.fnmatch_lines(["*test_hangs does not end: this process does", "*# here*"])
