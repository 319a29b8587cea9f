"""Our answer beside those of the libraries that come nearest, over the whole table; each difference is data."""

import pytest

from tests.client.head.cases import CASES, Case
from tests.client.head.differences import DIFFERENCES, H11, HTTP_CLIENT, HTTPTOOLS
from tests.client.head.peers import PEERS, ask_us, difference


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_differs_from_a_peer_only_as_listed(case: Case, peer: str) -> None:
    """An unlisted difference is a bug in one of the two; a listed one that is gone is a line to delete."""
    ours = ask_us(case.data, strict=PEERS[peer].strict)
    listed = DIFFERENCES.get((case.name, peer))
    assert difference(ours, PEERS[peer].ask(case.data)) == (listed.how if listed else None)


def test_each_difference_is_listed_once_for_a_case_that_exists() -> None:
    """A misspelt name would be a difference that is never looked for."""
    listed = [(case, entry.peer) for entry in (*H11, *HTTPTOOLS, *HTTP_CLIENT) for case in entry.cases]
    assert len(listed) == len(set(listed))
    assert {case for case, _ in listed} <= {case.name for case in CASES}
    assert {peer for _, peer in listed} <= set(PEERS)


def test_case_names_are_unique() -> None:
    """Differences are looked up by name."""
    assert len({case.name for case in CASES}) == len(CASES)
