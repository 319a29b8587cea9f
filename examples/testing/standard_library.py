"""Three tests with the standard library alone, of a program that is told nothing about a lab: its environment leads it.

On the host, inside an embedded lab; and in the lab's network of containers, where names need no proxy:

    .venv/bin/lab serve -- .venv/bin/python -m unittest examples/testing/standard_library.py
    docker compose -f examples/testing/compose.yaml run --rm tests
"""

import os
import time
import unittest
from datetime import timedelta
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from asynclab import Lab

HOST = "www.sohu.com"
ATTEMPTS = 3
A_SECOND = timedelta(seconds=0.99)  # a timer may ring a little early


def get(url: str) -> int:
    """The function under test: it asks again after a broken connection or a 503, and returns the status."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urlopen(url, timeout=10) as response:  # noqa: S310 - the tests have http and https alone
                return int(response.status)
        except HTTPError as error:
            error.close()
            if error.code != 503 or attempt == ATTEMPTS:
                raise
            time.sleep(int(error.headers["Retry-After"]))
        except (OSError, HTTPException):
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


class ThreeTests(unittest.TestCase):
    """Each test has the lab that ASYNCLAB_URL names as it would be alone in it."""

    def setUp(self) -> None:
        lab = self.enterContext(Lab.join(os.environ["ASYNCLAB_URL"]))
        self.site = self.enterContext(lab.view()).site(HOST)

    def test_a_reset_is_tried_again(self) -> None:
        self.site.fault("rst_at", bytes=40, first=1)
        self.assertEqual(get(f"http://{HOST}/"), 200)
        self.site.verify(count=2, method="GET", order=["/", "/"], at_once=1)
        self.assertEqual(self.site.journal()[0].ended, "rst")

    def test_retry_after_is_honoured(self) -> None:
        self.site.fault("status", status=503, retry_after_s=1, first=1)
        self.assertEqual(get(f"https://{HOST}/"), 200)
        refused, answered = self.site.journal()
        self.assertGreaterEqual(answered.received_at - refused.received_at, A_SECOND)

    def test_a_redirect_loop_is_refused(self) -> None:
        self.site.fault("redirect_loop", hops=2)
        with self.assertRaisesRegex(HTTPError, "infinite loop"):
            get(f"http://{HOST}/")
        self.site.verify(at_most=11)


if __name__ == "__main__":
    unittest.main()
