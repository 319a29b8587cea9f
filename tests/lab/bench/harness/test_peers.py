"""The peers: found, missing, installed; and what wrk prints, read."""

import pytest

from lab.bench.errors import BenchFailed, PeersNotInstallable
from lab.bench.harness import peers
from lab.bench.harness.load import wrk
from lab.bench.harness.peers import Peer
from lab.bench.harness.processes import Cost
from lab.docker.packages import Host
from lab.subprocesses import Outcome
from tests.lab.answers import Programs

ABSENT = Peer("no-such-program", "no-such-package", ("-v",))
PRESENT = Peer("sh", "dash", ("-v",))
DEBIAN = Host("debian", 12.0, is_root=True, has_systemd=False)

PRINTED = """\
Running 2s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.10ms  101.32us   2.91ms   89.71%
    Req/Sec    58.41k     1.52k   60.91k    85.00%
  116321 requests in 2.00s, 45.27MB read
{more}Requests/sec:  58132.69
Transfer/sec:     22.62MB
"""


def cost(out: str) -> Cost:
    """Return the cost of a run with this output."""
    return Cost(out, 2.0, 1.0, 5_000)


def test_a_missing_peer_says_how_to_have_it() -> None:
    """In one line."""
    assert ABSENT.version() == "missing"
    assert ABSENT.missing() == ("no-such-program is missing: `lab bench --install`, or apt-get install no-such-package")


def test_a_version_is_read_wherever_it_is_printed() -> None:
    """nginx says it on stderr, wrk with exit code 1."""
    path = str(PRESENT.path())
    said = Programs({f"{path} -v": Outcome(1, err="nginx version: nginx/1.22.1\n")})
    assert PRESENT.version(said) == "1.22.1"


def test_only_what_is_missing_is_installed() -> None:
    """From the distribution, by its package manager."""
    ran = Programs({"env": Outcome(0)})
    said: list[str] = []
    peers.install(said.append, peers=(PRESENT, ABSENT), on=DEBIAN, run=ran)
    assert len(said) == 1
    assert all("no-such-package" in line and "dash" not in line for line in ran.ran)


@pytest.mark.parametrize(
    "on", [Host("debian", 12.0, is_root=False, has_systemd=False), Host("arch", 1.0, is_root=True, has_systemd=True)]
)
def test_elsewhere_a_person_is_told_what_to_install(on: Host) -> None:
    """Nothing is run."""
    ran = Programs({})
    with pytest.raises(PeersNotInstallable, match="install no-such-package yourself"):
        peers.install(print, peers=(ABSENT,), on=on, run=ran)
    assert ran.ran == []


def test_what_wrk_prints_is_read() -> None:
    """Rate and count; errors within bounds are counted."""
    more = "  Socket errors: connect 0, read 7, write 1, timeout 0\n"
    found = wrk.read(cost(PRINTED.format(more=more)))
    assert (found.requests_per_s, found.requests, found.failed) == (58132.69, 116_321, 8)


@pytest.mark.parametrize(
    "more",
    ["  Non-2xx or 3xx responses: 116321\n", "  Socket errors: connect 64, read 90000, write 0, timeout 0\n"],
    ids=["errors", "sockets"],
)
def test_a_server_that_answers_wrongly_has_no_figure(more: str) -> None:
    """An error is quicker than an answer."""
    with pytest.raises(BenchFailed, match="requests failed"):
        wrk.read(cost(PRINTED.format(more=more)))


def test_output_without_figures_is_a_failure() -> None:
    """Not a rate of zero."""
    with pytest.raises(BenchFailed, match="no figures"):
        wrk.read(cost("unable to connect\n"))
