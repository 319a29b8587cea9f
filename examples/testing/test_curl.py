"""Three tests of a program that is not Python's: curl, with the environment that leads it through the lab's gateway."""

import os
import shutil
import subprocess
from datetime import timedelta

import pytest

from asynclab import Lab

HOST = "www.sohu.com"
TOO_MANY_REDIRECTS = 47  # curl's exit code
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def curl(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program under test: it follows 5 redirects at most, and prints the status."""
    command = [
        "curl",
        "--silent",
        "--location",
        "--max-redirs",
        "5",
        "--output",
        os.devnull,
        "--write-out",
        "%{http_code}",
    ]
    return subprocess.run(
        [*command, *arguments], env=os.environ | lab.environ, capture_output=True, text=True, timeout=20, check=False
    )


def test_a_reset_is_tried_again(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    done = curl(lab, "--retry", "2", "--retry-all-errors", "--retry-delay", "1", f"http://{HOST}/")
    assert (done.returncode, done.stdout) == (0, "200")
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


def test_retry_after_is_honoured(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    done = curl(lab, "--retry", "2", f"https://{HOST}/")
    assert (done.returncode, done.stdout) == (0, "200")
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


def test_a_redirect_loop_is_refused(lab: Lab) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    assert curl(lab, "--retry", "2", f"http://{HOST}/").returncode == TOO_MANY_REDIRECTS
    site.verify(count=6)
