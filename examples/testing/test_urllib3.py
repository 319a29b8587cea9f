"""Three tests of a client that is made of urllib3: it goes through the lab's gateway to the sites' own names."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import urllib3
from urllib3.exceptions import MaxRetryError

from asynclab import Lab

HOST = "www.sohu.com"
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early


@pytest.fixture
def pool(lab: Lab) -> Iterator[urllib3.PoolManager]:
    """The client under test: it asks again after a broken connection or a 503, and follows 5 redirects at most."""
    again = urllib3.Retry(total=7, read=2, redirect=5, status=2, status_forcelist=[503])
    with urllib3.ProxyManager(lab.proxy_url, ca_certs=str(lab.ca_file), retries=again) as pool:
        yield pool


def test_a_reset_is_tried_again(lab: Lab, pool: urllib3.PoolManager) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    assert pool.request("GET", f"http://{HOST}/").status == 200
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


def test_retry_after_is_honoured(lab: Lab, pool: urllib3.PoolManager) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    assert pool.request("GET", f"https://{HOST}/").status == 200
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


def test_a_redirect_loop_is_refused(lab: Lab, pool: urllib3.PoolManager) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    with pytest.raises(MaxRetryError, match="too many redirects"):
        pool.request("GET", f"http://{HOST}/")
    site.verify(count=6)
