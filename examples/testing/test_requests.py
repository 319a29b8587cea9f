"""Three tests of a client that is made of requests: it goes through the lab's gateway to the sites' own names."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from asynclab import Lab

HOST = "www.sohu.com"
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early


@pytest.fixture
def session(lab: Lab) -> Iterator[requests.Session]:
    """The client under test: it asks again after a broken connection or a 503, and follows 5 redirects at most."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": lab.proxy_url, "https": lab.proxy_url}
        session.verify = str(lab.ca_file)
        session.max_redirects = 5
        again = HTTPAdapter(max_retries=Retry(2, redirect=False, status_forcelist=[503]))
        session.mount("http://", again)
        session.mount("https://", again)
        yield session


def test_a_reset_is_tried_again(lab: Lab, session: requests.Session) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    assert session.get(f"http://{HOST}/").status_code == 200
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


def test_retry_after_is_honoured(lab: Lab, session: requests.Session) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    assert session.get(f"https://{HOST}/").status_code == 200
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


def test_a_redirect_loop_is_refused(lab: Lab, session: requests.Session) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    with pytest.raises(requests.TooManyRedirects):
        session.get(f"http://{HOST}/")
    site.verify(count=6)
