"""The pytest plugin: a lab as a fixture. It is on where asynclab is installed, and does nothing until a test uses it.

    def test_it_tries_again_after_a_reset(lab):
        site = lab.site("www.163.com")
        site.fault("rst_at", bytes=40, first=1)
        assert fetch(site.url).status == 302
        site.verify(count=2)

`lab` is a view over one lab a session: after each test, faults and plays are as they were before it, and its journal
begins with the test. `lab_session` is that lab itself, for fixtures of a wider scope. `--lab URL`, or ASYNCLAB_URL,
joins a lab that stands already. Under pytest-xdist, each worker process starts its own.

Modules of the lab are imported when a fixture is used: pytest imports this one in every run.
"""

import os
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asynclab.lab import Lab
    from asynclab.site import Rule

MARKER = (
    'lab(faults={"www.163.com": {"fault": "rst_at", "bytes": 40}}): asynclab: use the fixture `lab`, '
    "with these faults in force (a fault or a list of faults for each host)"
)
VARIABLE = "ASYNCLAB_URL"
TITLE = "asynclab: the journal of this test"
MAX_SHOWN = 50
VIEW: "pytest.StashKey[Lab]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--lab`."""
    parser.getgroup("asynclab").addoption(
        "--lab", metavar="URL", help=f"join the lab whose gateway is at this URL ({VARIABLE}), instead of starting one"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a test with the marker use the fixture, also where it does not name it."""
    names = getattr(item, "fixturenames", None)
    if names is not None and "lab" not in names and item.get_closest_marker("lab"):
        item.fixturenames = [*names, "lab"]  # type: ignore[attr-defined] # the list is shared by all its parameters


@pytest.fixture(scope="session")
def lab_session(request: pytest.FixtureRequest) -> "Iterator[Lab]":
    """The lab of the session. What is set in it stays for all tests that follow."""
    from asynclab.lab import Lab

    url = lab_url(request.config)
    with told_in_a_line(), Lab.join(url) if url else Lab() as lab:
        yield lab


@pytest.fixture
def lab(lab_session: "Lab", request: pytest.FixtureRequest) -> "Iterator[Lab]":
    """The lab as one test sees it; afterwards its faults and plays are as before."""
    with told_in_a_line(), lab_session.view() as view:
        for host, rules in marked_faults(request.node).items():
            view.site(host).plan(rules)
        request.node.stash[VIEW] = view  # from now on, the report of a failure has its journal
        yield view


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal of a test that fails to its report. It is read before the fixture is torn down."""
    if call.excinfo and not item.config.getoption("fulltrace"):
        forget_cause(call.excinfo.value)
    report = yield
    view = item.stash.get(VIEW, None)
    if view and report.failed and call.when != "teardown":
        report.sections.append((TITLE, journal_text(view)))
    return report


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Turn an error of the lab into a failure that shows its line alone: a fixture has no line of the person's."""
    from asynclab.errors import LabError

    try:
        yield
    except LabError as error:
        raise pytest.fail.Exception(f"{type(error).__name__}: {error}", pytrace=False) from None


def forget_cause(error: BaseException) -> None:
    """Forget what an error of the lab came from, as that of a socket: its line says the reason, and what to do."""
    errors = sys.modules.get("asynclab.errors")
    if errors and isinstance(error, errors.LabError):
        error.__cause__, error.__suppress_context__ = None, True


def lab_url(config: pytest.Config) -> str:
    """Return the URL of the lab to join; nothing if one is to be started.

    Fails where several workers would share a lab, and each other's faults.
    """
    url: str = config.getoption("--lab") or os.environ.get(VARIABLE, "")
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    if url and workers > 1:
        remedy = f"leave out --lab, and {VARIABLE}, so that each starts its own, or run with -n 0"
        pytest.fail(f"{workers} workers cannot share the lab at {url}: {remedy}", pytrace=False)
    return url


def marked_faults(item: pytest.Item) -> "Mapping[str, Sequence[Rule | str]]":
    """Return the faults of a test's markers by host; a marker nearer to the test comes first."""
    found: dict[str, Sequence[Rule | str]] = {}
    for marker in item.iter_markers("lab"):
        faults = marker.kwargs.get("faults", {})
        if marker.args or marker.kwargs.keys() - {"faults"} or not isinstance(faults, Mapping):
            pytest.fail("a marker `lab` has faults={HOST: FAULT, ...} and nothing else", pytrace=False)
        for host, rules in faults.items():
            several = isinstance(rules, Sequence) and not isinstance(rules, str)
            found.setdefault(host, rules if several else [rules])
    return found


def journal_text(view: "Lab") -> str:
    """Return the journal of a view as lines; a reason where there is none to have."""
    from asynclab.errors import LabError

    try:
        exchanges = view.journal(limit=MAX_SHOWN)
    except LabError as error:
        return str(error)
    return "\n".join(map(str, exchanges)) or "no request reached the lab"
