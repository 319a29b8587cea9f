"""The contract of the default mode: what curl reads is read, and with the same status.

curl asks a server of raw bytes for every case of the table, in as few runs of the program as it takes.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from tests.client.head.cases import CASES
from tests.client.raw_servers import plain_server

CURL = shutil.which("curl")

# What one version of curl or another reads, and we do not.
CUT_SHORT = "RFC 9112 section 8: a head that the stream cut short is incomplete; curl shows the lines that came"
NO_VERSION = "RFC 9112 section 2.3: no version; curl 7 takes any status line with such a one for 200, curl 8 refuses"
FOUR_DIGITS = "RFC 9112 section 4: a status code has three digits; curl 8 takes the first three, curl 7 refuses"
READ_BY_CURL_ALONE = {
    "end_in_field": CUT_SHORT,
    "end_after_field": CUT_SHORT,
    "end_after_status_line": CUT_SHORT,
    "end_in_last_line_end": CUT_SHORT,
    "cr_only_lines": CUT_SHORT,  # no line end ever comes
    "version_not_digits": NO_VERSION,
    "version_negative": NO_VERSION,
    "status_of_four_digits": FOUR_DIGITS,
}


@contextmanager
def raw_server(answers: Mapping[str, bytes]) -> Iterator[int]:
    """Answer GET /NAME with the bytes of that name, and close; yields the port."""

    def answer(connected: socket.socket) -> None:
        name = connected.recv(65_536).split(b" ", 2)[1].decode()
        connected.sendall(answers[name.removeprefix("/")])

    with plain_server(answer) as address:
        yield address[1]


def fetch_heads(port: int, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """curl's exit code and the status for each name in turn; fewer, where it gives up on all that follow."""
    config = "".join(f'url = "http://127.0.0.1:{port}/{name}"\noutput = "/dev/null"\n' for name in names)
    options = ["--silent", "--head", "--max-time", "20", "--noproxy", "*", "--write-out", "%{exitcode} %{http_code}\n"]
    assert CURL is not None
    done = subprocess.run([CURL, *options, "-K", "-"], input=config, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        code, status = map(int, line.split())
        yield code, status


def read_by_curl() -> dict[str, int]:
    """The cases whose head curl reads, and the status it reads in each."""
    answers = {case.name: case.data for case in CASES}
    results: list[tuple[int, int]] = []
    with raw_server(answers) as port:
        # A fold before any field is fatal to curl 7: each run goes on behind the one that ended the run before.
        while len(results) < len(answers):
            fetched = list(fetch_heads(port, list(answers)[len(results) :]))
            assert fetched
            results += fetched
    return {name: status for name, (code, status) in zip(answers, results, strict=True) if code == 0}


@pytest.mark.skipif(CURL is None, reason="no curl here")
def test_what_curl_reads_is_read() -> None:
    """Versions of curl differ, so what one of them refuses is not held against us."""
    ours = {case.name: case.status for case in CASES if case.error is None}
    theirs = {name: status for name, status in read_by_curl().items() if name not in READ_BY_CURL_ALONE}
    assert theirs.items() <= ours.items()
    assert len(theirs) > len(ours) / 2
