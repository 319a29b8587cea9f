"""Which requests a plan applies to, and where it leads, seen by a client: hosts, connections, redirects."""

import re
import tracemalloc
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.faults.active import ActivePlan
from services.sites.faults.plan import read_plan
from tests.sites.peer import Peer, listen
from tests.sites.target import KEEP, one_site, sites, target_of

pytestmark = pytest.mark.anyio

SHORT = b"HTTP/1.1 204 No Content\r\n\r\n"
STATUS = {"fault": "status", "status": 503}
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

FITS = {
    "the first alone": {"a.test.http": KEEP, "b.test.http": SHORT},
    "the second alone": {"a.test.http": SHORT, "b.test.http": KEEP},
}


@pytest.mark.parametrize("recordings", FITS.values(), ids=FITS)
async def test_a_plan_for_all_is_in_force_for_all_or_for_none(tmp_path: Path, recordings: dict[str, bytes]) -> None:
    """If it does not fit one host, no host has it: neither in the list nor on the wire."""
    unfit = next(name.removesuffix(".http") for name, raw in recordings.items() if raw is SHORT)
    async with sites(recordings, tmp_path) as running:
        a, b = [await target_of(running, name) for name in ("a.test", "b.test")]
        await b.set_plan([STATUS])
        before = await a.call("GET", "/faults")
        status, answer = await a.call("PUT", "/faults", {"faults": [{"fault": "fin_at", "bytes": len(SHORT) + 1}]})
        assert (status, answer["error"]) == (422, "bad_plan")
        assert unfit in str(answer["problems"])
        assert await a.call("GET", "/faults") == before
        heard = [await anyio.to_thread.run_sync(lambda peer: peer.ask(most=12), each.peer) for each in (a, b)]
        assert [each.data for each in heard] == [recordings["a.test.http"][:12], UNAVAILABLE[:12]]


PER: dict[str, tuple[dict[str, object], list[list[int]]]] = {
    "the first connection": ({"first": 1, "per": "connection"}, [[503, 503], [200, 200], [200, 200]]),
    "every second connection": ({"every": 2, "per": "connection"}, [[200, 200], [503, 503], [200, 200]]),
    "every second request": ({"every": 2, "per": "request"}, [[200, 503], [200, 503], [200, 503]]),
}


@pytest.mark.parametrize(("when", "statuses"), PER.values(), ids=PER)
async def test_a_rule_per_connection_is_decided_once_for_all_its_requests(
    tmp_path: Path, when: dict[str, object], statuses: list[list[int]]
) -> None:
    """Connections of two requests each, one after the other."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{**STATUS, **when}])
        assert await anyio.to_thread.run_sync(asked_in_pairs, target.peer, len(statuses)) == statuses


def asked_in_pairs(peer: Peer, connections: int) -> list[list[int]]:
    """Make two requests on each of so many connections, and return the statuses."""
    statuses = []
    for _ in range(connections):
        with peer.connect() as connection:
            connection.sendall(peer.get() + peer.get(fields="Connection: close\r\n"))
            heads = listen(connection, 1 << 62).data
        statuses.append([int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", heads)])
    return statuses


@pytest.mark.parametrize("hops", [1, 2, 3])
async def test_a_redirect_loop_goes_through_every_place_and_begins_again(tmp_path: Path, hops: int) -> None:
    """A client that follows it is at the first place again after `hops` more steps, and not before."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "redirect_loop", "hops": hops}])
        places = await anyio.to_thread.run_sync(followed, target.peer, "/start?x", 2 * hops + 1)
    assert places == [f"/lab-loop/{step % hops + 1}" for step in range(2 * hops + 1)]


def followed(peer: Peer, place: str, steps: int) -> list[str]:
    """Follow redirects on one connection, and return where each leads."""
    places = []
    with peer.connect() as connection:
        for _ in range(steps):
            connection.sendall(peer.get(place))
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                got = listen(connection, 1).data
                assert got
                head += got
            location = re.search(rb"\r\nLocation: (\S+)\r\n", head)
            assert location
            place = location[1].decode()
            places.append(place)
    return places


def test_a_plan_that_has_decided_nothing_yet_costs_little() -> None:
    """A plan for every host of ten thousand has a million rules; a generator of chance has 2.5 KB."""
    plan = read_plan([{"fault": "status", "status": 503, "probability": 0.5}] * 100)
    tracemalloc.start()
    try:
        kept = [ActivePlan(plan, generation=1, source="admin", now=0.0) for _ in range(10)]
        now_bytes, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now_bytes / len(kept) < 32 * 1024
