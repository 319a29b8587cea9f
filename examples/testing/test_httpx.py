"""Three tests of a client that is made of httpx: it goes through the lab's gateway to the sites' own names."""

import ssl
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from asynclab import Lab

HOST = "www.sohu.com"
ATTEMPTS = 3
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early


def get(client: httpx.Client, url: str) -> httpx.Response:
    """The function under test: httpx asks again only where it could not connect, so this does the rest."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = client.get(url)
        except httpx.TransportError:
            if attempt == ATTEMPTS:
                raise
            continue
        if response.status_code != 503 or attempt == ATTEMPTS:
            return response
        time.sleep(int(response.headers["Retry-After"]))
    raise AssertionError


@pytest.fixture
def client(lab: Lab) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=lab.ca_file)
    with httpx.Client(
        proxy=lab.proxy_url, verify=context, trust_env=False, follow_redirects=True, max_redirects=5
    ) as client:
        yield client


def test_a_reset_is_tried_again(lab: Lab, client: httpx.Client) -> None:
    site = lab.site(HOST)
    site.fault("rst_at", bytes=40, first=1)
    assert get(client, f"http://{HOST}/").status_code == 200
    site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
    assert site.journal()[0].ended == "rst"


def test_retry_after_is_honoured(lab: Lab, client: httpx.Client) -> None:
    site = lab.site(HOST)
    site.fault("status", status=503, retry_after_s=1, first=1)
    assert get(client, f"https://{HOST}/").status_code == 200
    refused, answered = site.journal()
    assert answered.received_at - refused.received_at >= A_SECOND


def test_a_redirect_loop_is_refused(lab: Lab, client: httpx.Client) -> None:
    site = lab.site(HOST)
    site.fault("redirect_loop", hops=2)
    with pytest.raises(httpx.TooManyRedirects):
        get(client, f"http://{HOST}/")
    site.verify(count=6)
