"""A thousand tests, each with a fault, a play and an expectation to itself: they leave nothing, in whatever order.

And a test run that is killed leaves no process.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.asynclab.client import read_all

MANY = 1000
HELPER = Path(__file__).with_name("client.py").read_text("utf-8")

TESTS = f"""
import pytest
from client import fetch

HOSTS = ("www.163.com", "www.sina.com.cn", "www.sohu.com")
OK = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"


@pytest.mark.parametrize("number", range({MANY}))
def test_it(lab, number):
    site, length = lab.site(HOSTS[number % 3]), number % 150
    if number % 4 == 0:
        site = lab.play(f"host-{{number % 7}}.example", OK, path="/it", times=1 + number % 2)
        length = number % 30
    site.fault(("fin_at", "rst_at")[number % 2], bytes=length, first=1)
    assert len(fetch(site.url, host=site.host, target="/it")) == length
    site.verify(count=1, target="/it", ended=("fin", "rst")[number % 2], fault=("fin_at", "rst_at")[number % 2])
    if number % 100 == 99:
        assert number < 0, "one in a hundred fails"
"""

CONFTEST = """
import random

import pytest


def pytest_addoption(parser):
    parser.addoption("--shuffled", type=int)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--shuffled"):
        random.Random(config.getoption("--shuffled")).shuffle(items)


@pytest.fixture(autouse=True, scope="session")
def nothing_is_left(lab_session):
    yield
    assert lab_session.hosts == ["www.163.com", "www.sina.com.cn", "www.sohu.com"]
    for host in lab_session.hosts:
        site = lab_session.site(host)
        assert site.faults() == [] and site.plays() == []
"""


@pytest.mark.timeout(300)
def test_a_thousand_tests_leave_no_state(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, shuffled, and dealt to two workers: the same tests pass, and the same ten fail."""
    monkeypatch.delenv("ASYNCLAB_URL", raising=False)
    pytester.makepyfile(client=HELPER, test_many=TESTS)
    pytester.makeconftest(CONFTEST)
    results = []
    for way in ([], ["--shuffled", "7"], ["-n", "2", "--shuffled", "7"]):
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", "-q", "--tb=line", "-rf", *way)
        result.assert_outcomes(passed=MANY - MANY // 100, failed=MANY // 100)
        results.append({line for line in result.outlines if line.startswith("FAILED")})
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == MANY // 100


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a process that is no child is seen on Linux")
def test_a_run_that_is_killed_leaves_no_process(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SIGKILL, which no program can handle: the lab ends by the end of its stdin."""
    monkeypatch.delenv("ASYNCLAB_URL", raising=False)
    pytester.makepyfile(
        """
        import sys

        def test_it(lab, capfd):
            with capfd.disabled():
                print("READY", lab.proxy_url, lab._lab._process._process.pid, flush=True)
            sys.stdin.read()
        """
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:timeout", "-s"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        url, child = next(line.split()[1:] for line in run.stdout if line.startswith("READY"))
        ended = os.pidfd_open(int(child))
        try:
            address = urlsplit(url)
            with socket.create_connection((address.hostname or "", address.port or 0), 20) as connection:
                assert not select.select([ended], [], [], 0)[0]
                run.send_signal(signal.SIGKILL)
                assert select.select([ended], [], [], 30)[0]
                assert read_all(connection) == b""
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address.hostname or "", address.port or 0), 20)
        finally:
            os.close(ended)
