"""Requests' bodies in the journal: a POST that is verified, one that is not whole, and what they cost."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import anyio.to_thread
import pytest

from services.sites.http.request_body import BODY_BYTES, START_BYTES
from tests.sites.http.test_request_body import in_chunks, with_length
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, one_site

pytestmark = pytest.mark.anyio


async def sent(target: Target, *requests: bytes) -> list[Mapping[str, object]]:
    """Send requests on one connection, and return the entries."""

    def send() -> None:
        with target.peer.connect() as connection:
            for request in requests:
                connection.sendall(request.replace(b"a.test", target.host.encode()))
                listen(connection, len(KEEP))

    await anyio.to_thread.run_sync(send)
    return await target.ended()


def seen(entry: Mapping[str, object]) -> tuple[object, object]:
    """Return what an entry says of its body."""
    return entry["body_bytes"], entry["body_sha256"]


def hashed(content: bytes) -> tuple[int, str]:
    """Return what an entry is to say of a body."""
    return len(content), hashlib.sha256(content).hexdigest()


NO_BODY = (0, None)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_bodies_are_counted_and_hashed(tmp_path: Path, secure: bool) -> None:
    """By length and in chunks, large and none; each for its own request on one connection."""
    large = bytes(range(256)) * 4_000
    async with one_site(tmp_path, secure=secure) as target:
        requests = with_length(b"hello"), target.peer.get(), in_chunks(b"he", b"llo!"), with_length(large), in_chunks()
        entries = await sent(target, *requests)
    assert [seen(entry) for entry in entries] == [hashed(b"hello"), NO_BODY, hashed(b"hello!"), hashed(large), NO_BODY]


async def test_the_same_head_with_another_body_is_another_request(tmp_path: Path) -> None:
    """No answer with a body is one that is known by its bytes."""
    async with one_site(tmp_path) as target:
        entries = await sent(target, with_length(b"one"), with_length(b"two"), with_length(b"one"))
    assert [seen(entry) for entry in entries] == [hashed(b"one"), hashed(b"two"), hashed(b"one")]


async def test_what_came_of_a_body_that_is_not_whole_is_counted(tmp_path: Path) -> None:
    """Where the peer leaves within it, and where the site refuses the rest."""
    async with one_site(tmp_path, head_timeout_s=1.0) as target:

        def leave() -> None:
            with target.peer.connect() as connection:
                connection.sendall(with_length(b"hello")[:-2].replace(b"a.test", target.host.encode()))

        def wait() -> bytes:
            return target.peer.ask(in_chunks(b"hello")[: -len(b"0\r\n\r\n")]).data

        def disagree() -> bytes:
            return target.peer.ask(in_chunks(b"hello").replace(b"\r\n0\r\n\r\n", b"bad\r\n")).data

        await anyio.to_thread.run_sync(leave)
        await target.ended()
        assert (await anyio.to_thread.run_sync(wait)).startswith(b"HTTP/1.1 408 ")
        assert (await anyio.to_thread.run_sync(disagree)).startswith(b"HTTP/1.1 400 ")
        entries = await target.ended()
    assert [seen(entry) for entry in entries] == [hashed(b"hel"), hashed(b"hello"), hashed(b"hello")]
    assert [(entry["exchange"], entry["status"]) for entry in entries] == [(0, None), (1, 408), (1, 400)]


VERDICTS: Mapping[str, tuple[dict[str, object], int]] = {
    "contains": ({"body_contains": "name=J\u00fcrgen"}, 200),
    "contains, across chunks": ({"body_contains": "rgen&x"}, 200),
    "contains, at the end of what is kept": ({"body_contains": "kept!"}, 200),
    "contains no framing": ({"body_contains": "\r\n"}, 409),
    "does not contain": ({"body_contains": "x=2"}, 409),
    "after what is kept": ({"body_contains": "lost"}, 409),
    "size": ({"body_bytes": 1}, 200),
    "no body": ({"body_bytes": 0, "body_sha256": None}, 200),
    "hash": ({"body_sha256": hashlib.sha256(b"1").hexdigest()}, 200),
    "another hash": ({"body_sha256": hashlib.sha256(b"2").hexdigest()}, 409),
    "all of them": ({"method": "POST", "body_contains": "1", "body_bytes": 1}, 200),
}


async def test_a_body_can_be_verified(tmp_path: Path) -> None:
    """By what it contains within its first 64 KiB, its size and its hash; a miss says what was looked at."""
    form = "name=J\u00fcrgen&x=1".encode()
    large = bytes(START_BYTES - 5) + b"kept!lost"
    async with one_site(tmp_path) as target:
        await sent(
            target, in_chunks(form[:7], form[7:8], form[8:]), with_length(large), with_length(b"1"), target.peer.get()
        )
        for name, (match, expected) in VERDICTS.items():
            status, answer = await target.call("POST", "/journal/verify", {"expect": [{"match": match}]})
            assert status == expected, (name, answer)
        wanted = {"body_contains": "lost", "body_bytes": len(large)}
        _status, answer = await target.call("POST", "/journal/verify", {"expect": [{"match": wanted}]})
        nearest = cast("list[dict[str, list[dict[str, object]]]]", answer["failures"])[0]["nearest"]
        assert nearest[0]["misses"] == ["body_contains: is not in its first 65,536 bytes"]
        entries = await target.entries("&body_contains=J%C3%BCrgen")
        assert [entry["entry"] for entry in entries] == [1]
        assert [entry["entry"] for entry in await target.entries("&body_bytes=1")] == [3]
        assert [entry["entry"] for entry in await target.entries("&body_sha256=")] == [4]


async def test_what_no_body_can_contain_is_refused(tmp_path: Path) -> None:
    """Half of a surrogate pair is JSON, and no text in UTF-8."""
    async with one_site(tmp_path) as target:
        for bad in ("\ud800", 1):
            status, answer = await target.call("POST", "/journal/verify", {"absent": [{"body_contains": bad}]})
            assert (status, "absent[0].body_contains" in str(answer)) == (422, True)


async def test_bodies_are_kept_within_the_bound_of_the_journal(tmp_path: Path) -> None:
    """The oldest entries are dropped for them, and counted."""
    kept = START_BYTES + BODY_BYTES + 200
    async with one_site(tmp_path, journal_bytes=3 * kept) as target:
        await sent(target, *[with_length(bytes(200_000))] * 10)
        _status, answer = await target.call("GET", "/journal")
    assert (answer["total"], answer["kept"], answer["dropped"]) == (10, 3, 7)
