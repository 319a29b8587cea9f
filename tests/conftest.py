"""What all tests share: both event loops, the blocking-call detector, and the Docker engine where it is needed."""

import os
from collections.abc import Generator, Iterator

import prometheus_client  # noqa: F401  the embedded lab imports it on its loop, and then it reads /proc
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from lab.compose.stack import Stack
from lab.errors import LabError
from tests.stacks import settings_now, stack_of

TEST_PROJECT = "asynclab-test"

pytest_plugins = ["pytester", "tests.timeouts"]

# A busy machine makes no example wrong.
settings.register_profile("asynclab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("asynclab")
os.environ.pop("COLUMNS", None)  # a terminal's, or the 80 of a worker of pytest-xdist: tables would be narrowed to it


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """Let pytest-xdist send what a test printed: file names that are no text are surrogates there, which it refuses."""
    return encodable((yield))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a browser: `make coverage` runs on a Python without one."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def encodable(data: object) -> object:
    """Return data of JSON whose texts can be encoded."""
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {name: encodable(each) for name, each in data.items()}
    return type(data)(map(encodable, data)) if isinstance(data, list | tuple) else data  # a skip's reason is a tuple


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Run each async test on both loops."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test in which something blocks the event loop."""
    with blockbuster_ctx() as detector:
        locks = detector.functions["threading.Lock.acquire"]
        locks.can_block_in("asyncio/runners.py", "close")  # uvloop joins the executor's last thread there
        locks.can_block_in("coverage/collector.py", "lock_data")  # for a moment, where a thread is measured as well
        yield detector


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the test's programs without coverage: what they import, or take of memory and time, is what is tested."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def engine() -> None:
    """Have a Docker engine, or skip: a person's machine may lack one, CI may not."""
    from lab.docker import engine as docker_engine

    try:
        docker_engine.ensure(print, settings_now())
    except LabError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs an engine: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def stack(engine: None) -> Iterator[Stack]:
    """Have a healthy lab in containers, apart from the one that a person may have up."""
    os.environ |= {"HELLO_PORT": "0", "GATEWAY_PORT": "0", "WATCH_PORT": "0"}
    tested = stack_of(TEST_PROJECT)
    try:
        tested.up(print)
        yield tested
    finally:
        tested.down()
        del os.environ["HELLO_PORT"], os.environ["GATEWAY_PORT"], os.environ["WATCH_PORT"]
