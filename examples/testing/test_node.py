"""Three tests of a program in JavaScript, fetch.mjs: Node's fetch, through the gateway where it knows proxies.

From version 24 on, fetch goes through the proxy that the environment names (NODE_USE_ENV_PROXY, which `lab.environ`
sets). An older one is given the site's own URL, which a lab in containers does not have for programs of the host.
"""

import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from asynclab import Lab

HOST = "www.sohu.com"
PROGRAM = Path(__file__).with_name("fetch.mjs")
KNOWS_PROXIES = 24
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")


@pytest.fixture(scope="session")
def version() -> int:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout  # v20.20.2
    return int(said[1:].partition(".")[0])


@pytest.fixture
def url(lab: Lab, version: int) -> str:
    if version >= KNOWS_PROXIES:
        return f"http://{HOST}/"
    if not lab.is_direct:
        pytest.skip(f"Node {version} has no proxy for fetch, and this lab has no URLs without one")
    return lab.site(HOST).url


def fetch(lab: Lab, url: str) -> subprocess.CompletedProcess[str]:
    """Run the program under test."""
    command = ["node", str(PROGRAM), url]
    return subprocess.run(
        command, env=os.environ | lab.environ, capture_output=True, text=True, timeout=20, check=False
    )


def test_a_reset_is_tried_again(lab: Lab, url: str) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    assert fetch(lab, url).stdout == "200\n"
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


def test_retry_after_is_honoured(lab: Lab, url: str) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    assert fetch(lab, url).stdout == "200\n"
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


def test_a_redirect_loop_is_refused(lab: Lab, url: str) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    done = fetch(lab, url)
    assert (done.returncode, done.stderr) == (1, "fetch failed: redirect count exceeded\n")
    site.verify(at_most=21)
