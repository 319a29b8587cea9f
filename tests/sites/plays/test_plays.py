"""Plays: which response a request gets, hosts that come and go with them, and what is refused."""

import base64
import io
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

import aiohttp
import anyio
import anyio.to_thread
import pytest

from services.runtime.errors import PortUnavailable
from services.runtime.http import Address
from services.sites.plays import MAX_PLAYS
from services.sites.replay.recording import UNMATCHED_BODY, UNMATCHED_HEAD
from services.sites.server import RunningSite, serve_site
from services.sites.settings import SitesSettings
from tests.sites.peer import Peer, listen
from tests.sites.target import KEEP, Target, one_site, response_of, sites, target_of

pytestmark = pytest.mark.anyio

HOST, OTHER = "keep.test", "api.example"
UNMATCHED = UNMATCHED_HEAD + UNMATCHED_BODY


async def played(target: Target, name: str, **more: object) -> int:
    """Add a play with its name as its body, and return its number."""
    status, answer = await target.play(response_of(name), **more)  # type: ignore[arg-type]
    assert status == 201, answer
    return cast("int", answer["id"])


async def test_the_newest_play_that_matches_and_has_times_left_comes_first(tmp_path: Path) -> None:
    """Then the one before, then what is recorded."""
    async with one_site(tmp_path) as target:
        await played(target, "all")
        await played(target, "twice", match={"path": "/v1/*"}, times=2)
        await played(target, "once", match={"path": "/v1/a"}, times=1)
        assert await target.bodies("/v1/a", "/v1/a", "/v1/b", "/v1/a", "/") == [
            b"once",
            b"twice",
            b"twice",
            b"all",
            b"all",
        ]
        assert await target.bodies("/", method="HEAD") == [b""]
        responses = [entry["response"] for entry in await target.ended()]
        assert responses == ["play 3", "play 2", "play 2", "play 1", "play 1", "play 1"]
        await target.call("DELETE", f"/plays/{HOST}/1")
        assert await target.bodies("/", "/v1/a") == [b"hello", b"hello"]


async def test_times_are_exact_however_many_ask_at_once(tmp_path: Path) -> None:
    """On connections of their own, and pipelined on one."""
    async with one_site(tmp_path) as target:
        await played(target, "play!", times=25)
        bodies: list[bytes] = []

        async def ask() -> None:
            bodies.extend(await target.bodies("/"))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)

        def pipeline() -> bytes:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get() * 9 + target.peer.get(fields="Connection: close\r\n"))
                return listen(connection, 1 << 62).data

        assert bodies == [b"play!"] * 20
        data = await anyio.to_thread.run_sync(pipeline)
        assert data == response_of("play!") * 5 + KEEP * 5
        status, answer = await target.call("GET", f"/plays/{HOST}")
        assert (status, answer["plays"][0]["left"]) == (200, 0)  # type: ignore[index]


async def test_a_response_is_sent_as_it_is(tmp_path: Path) -> None:
    """No body is made for a head without one, and what cannot be framed ends with the connection."""
    raw = b"HTTP/1.1 503 \r\nRetry-After: 1\r\nContent-Length: 9\r\n\r\n"
    async with one_site(tmp_path) as target:
        status, answer = await target.play(raw)
        assert (status, answer["status"], answer["head_bytes"], answer["body_bytes"]) == (201, 503, len(raw), 0)
        assert (await anyio.to_thread.run_sync(target.peer.ask)).data == raw


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_a_host_comes_with_its_first_play_and_goes_with_its_last(tmp_path: Path, secure: bool) -> None:
    """With ports of its own, a certificate, a plan and a journal; what no play is for gets the lab's 404."""
    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target = await target_of(running, HOST)
        number = await played(target, "api", host="API.example", match={"path": "/v1"})
        other = await target_of(running, OTHER, secure=secure)
        assert other.peer.address != target.peer.address
        heard = await anyio.to_thread.run_sync(
            other.peer.ask, other.peer.get("/v1") + other.peer.get("/v2", fields="Connection: close\r\n")
        )
        assert heard.data == response_of("api") + UNMATCHED
        entries = [(entry["status"], entry["response"], entry["tls"]) for entry in await other.ended()]
        assert entries == [(200, f"play {number}", secure), (404, None, secure)]
        await other.set_plan([{"fault": "rst_at", "bytes": 20}])
        heard = await anyio.to_thread.run_sync(other.peer.ask, other.peer.get("/v1"))
        assert (heard.data, heard.end) == (response_of("api")[:20], "rst")
        await other.set_plan([{"fault": "refuse"}])
        with pytest.raises(ConnectionRefusedError):
            await anyio.to_thread.run_sync(other.peer.ask)
        status, answer = await target.call("DELETE", f"/plays/{OTHER}/{number}")
        assert (status, answer) == (200, {"host": OTHER, "plays": [], "recordings": []})
        assert (await target.call("GET", f"/plays/{OTHER}"))[0] == 404
        assert (running.listeners.of(OTHER), running.site.played_bytes) == ([], 0)
        await played(target, "again", host=OTHER)
        again = await target_of(running, OTHER)
        assert await again.bodies("/") == [b"again"]
        assert (await again.call("GET", f"/faults/{OTHER}"))[1]["faults"] == []


async def test_a_recorded_host_stays_when_its_plays_go(tmp_path: Path) -> None:
    """And a host that is recorded no more stays while it has plays."""
    files = {f"{HOST}.http": KEEP, "b.test.http": KEEP}
    async with sites(files, tmp_path, reload_s=0.01) as running:
        target, b = await target_of(running, HOST), await target_of(running, "b.test")
        await played(b, "play")
        await anyio.Path(tmp_path, "b.test.http").unlink()
        with anyio.fail_after(20):
            while running.site.hosts["b.test"].is_recorded:  # noqa: ASYNC110 - it is read in a thread of the site's
                await anyio.sleep(0.01)
        assert await b.bodies("/") == [b"play"]
        status, answer = await target.call("DELETE", "/plays")
        assert (status, [host["host"] for host in answer["hosts"]]) == (200, [HOST])  # type: ignore[attr-defined]
        assert await target.bodies("/") == [b"hello"]


async def test_the_next_request_on_an_open_connection_sees_the_change(tmp_path: Path) -> None:
    """Also where the same bytes were answered before: a known answer is forgotten when plays change."""
    async with one_site(tmp_path) as target:

        def ask() -> list[bytes]:
            answers = []
            with target.peer.connect() as connection:

                def ask_again(size: int) -> None:
                    connection.sendall(target.peer.get())
                    answers.append(listen(connection, size).data)

                ask_again(len(KEEP))
                ask_again(len(KEEP))
                number = anyio.from_thread.run(played, target, "play!")
                ask_again(len(response_of("play!")))
                ask_again(len(response_of("play!")))
                anyio.from_thread.run(target.call, "DELETE", f"/plays/{HOST}/{number}")
                ask_again(len(KEEP))
            return answers

        assert await anyio.to_thread.run_sync(ask) == [KEEP, KEEP, *[response_of("play!")] * 2, KEEP]


async def test_a_host_that_goes_answers_no_more_on_open_connections(tmp_path: Path) -> None:
    """421, with the names that there are."""
    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target = await target_of(running, HOST)
        await played(target, "api", host=OTHER)
        other = await target_of(running, OTHER)

        def ask() -> bytes:
            with other.peer.connect() as connection:
                connection.sendall(other.peer.get())
                listen(connection, len(response_of("api")))
                anyio.from_thread.run(target.call, "DELETE", f"/plays/{OTHER}")
                connection.sendall(other.peer.get())
                return listen(connection, 1 << 62).data

        assert (await anyio.to_thread.run_sync(ask)).startswith(b"HTTP/1.1 421 ")


GOOD = base64.b64encode(response_of("")).decode()
BAD: Mapping[str, tuple[object, int, str, str]] = {
    "nothing": (None, 400, "body", ""),
    "a list": ([], 422, "body", "is not an object with response"),
    "no response": ({}, 422, "response", "is not text in base64"),
    "no base64": ({"response": "HTTP/1.1 200 OK"}, 422, "response", "is not text in base64"),
    "base64 in lines": ({"response": f"{GOOD}\n"}, 422, "response", "is not text in base64"),
    "no head": ({"response": base64.b64encode(b"hello").decode()}, 422, "response", "has no status line at byte 0"),
    "an empty one": ({"response": ""}, 422, "response", "is empty"),
    "half a head": ({"response": base64.b64encode(KEEP[:40]).decode()}, 422, "response", "no blank line ends its head"),
    "an unknown key": ({"response": GOOD, "path": "/"}, 422, "path", "is unknown: there are response, match, times"),
    "a bad match": ({"response": GOOD, "match": {"path": "x"}}, 422, "match.path", "is not a path"),
    "a match of null": ({"response": GOOD, "match": None}, 422, "match", "is not a table"),
    "times of none": ({"response": GOOD, "times": 0}, 422, "times", "is not a whole number from 1"),
    "times in words": ({"response": GOOD, "times": "2"}, 422, "times", "is not a whole number"),
    "the same match": ({"response": GOOD, "match": {"path": "/x"}}, 409, "match", "is that of play 1 of keep.test"),
    "the same match, otherwise": ({"response": GOOD, "match": {"path": "/x", "query": {}}}, 409, "match", "neither"),
}


@pytest.mark.parametrize(("body", "status", "field", "reason"), BAD.values(), ids=BAD)
async def test_what_is_wrong_is_refused_in_one_line(
    tmp_path: Path, body: object, status: int, field: str, reason: str
) -> None:
    """With the field that is wrong, and nothing is changed."""
    async with one_site(tmp_path) as target:
        await played(target, "x", match={"path": "/x"})
        before = await target.call("GET", "/plays")
        said, answer = await target.call("POST", f"/plays/{HOST}", body)
        assert said == status
        (problem,) = cast("list[dict[str, str]]", answer["problems"])
        assert problem["field"] == field
        assert reason in problem["reason"]
        assert "\n" not in problem["reason"]
        assert await target.call("GET", "/plays") == before


async def test_two_plays_with_the_same_match_need_times_once(tmp_path: Path) -> None:
    """One with `times` over one without is what a test wants: it is no conflict, in either order."""
    async with one_site(tmp_path) as target:
        await played(target, "always")
        await played(target, "once", times=1)
        await played(target, "twice", times=2)
        assert await target.bodies(*["/"] * 4) == [b"twice", b"twice", b"once", b"always"]


async def test_what_is_not_there_is_404(tmp_path: Path) -> None:
    """A host, and a play of a host; a name that no host can have is refused as such."""
    async with one_site(tmp_path) as target:
        for method, path in (
            ("GET", f"/plays/{OTHER}"),
            ("DELETE", f"/plays/{OTHER}"),
            ("DELETE", f"/plays/{OTHER}/1"),
        ):
            status, answer = await target.call(method, path)
            assert (status, answer["error"]) == (404, "unknown_host")
        for number in ("1", "x", "-1", "9" * 40, "\u0661"):
            status, answer = await target.call("DELETE", f"/plays/{HOST}/{number}")
            assert (status, answer["error"]) == (404, "unknown_play")
        for name in ("a..b", "-", "a_b.", "ho%20st", "a" * 254, "%C3%A9"):
            status, answer = await target.call("POST", f"/plays/{name}", {"response": GOOD})
            assert (status, answer["problems"][0]["field"]) == (422, "host"), name  # type: ignore[index]


async def test_a_site_that_was_started_for_its_hosts_takes_no_other(tmp_path: Path) -> None:
    """As each of the tutorial's in containers: another service plays what is new."""
    async with sites({f"{HOST}.http": KEEP}, tmp_path, hosts=(HOST,)) as running:
        target = await target_of(running, HOST)
        status, answer = await target.play(response_of("x"), host=OTHER)
        assert (status, answer["error"]) == (404, "unknown_host")
        assert f"this site plays {HOST}, and takes no other" in str(answer)
        await played(target, "x")


async def test_plays_are_bounded_in_number_and_in_bytes(tmp_path: Path) -> None:
    """413, with what to do; what is there is not touched."""
    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target, site = await target_of(running, HOST), running.site
        await played(target, "x")
        left = site.recordings_room
        site.budget.recordings.limit -= 2 * (left - 20_000)
        status, answer = await target.play(response_of(bytes(20_000)), times=1)
        assert (status, answer["error"], "delete plays, or send less" in str(answer)) == (413, "no_room", True)
        site.budget.recordings.limit += 2 * (left - 20_000)
        host = site.hosts[HOST]
        host.play(host.plays * MAX_PLAYS)
        status, answer = await target.play(response_of("x"), times=1)
        assert (status, "1,000 plays, and that is the limit: delete some" in str(answer)) == (413, True)


async def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    """Before it is read."""
    large = io.BytesIO(b'{"response": "%s"}' % base64.b64encode(response_of(bytes(1_000_000))))
    async with one_site(tmp_path) as target, aiohttp.ClientSession(headers={"Host": HOST}) as session:
        async with session.post(f"{target.admin}/plays/{HOST}", data=large) as answer:
            assert answer.status == 413
            (problem,) = (await answer.json())["problems"]
        assert problem["reason"].endswith("send a larger one, up to 8 MiB, as it is and as application/http")
        assert (await target.call("GET", f"/plays/{HOST}"))[1]["plays"] == []


MIB = 1024 * 1024
EXACT = response_of(bytes(8 * MIB - len(response_of(bytes(8_000_000))) + 8_000_000))
AS_IT_IS: Mapping[str, tuple[str, bytes, int, str]] = {
    "small": ("", response_of("x"), 201, ""),
    "as large as it may be": ("?times=2", EXACT, 201, ""),
    "a match": ('?match={"path":"/*","query":{"a":"b"}}', response_of(bytes(2 * MIB)), 201, ""),
    "too large": ("", EXACT + b"x", 413, "has more than 8 MiB"),
    "no head": ("", b"nonsense", 422, "response"),
    "empty": ("", b"", 422, "response"),
    "no times": ("?times=0", response_of("x"), 422, "times"),
    "times of text": ("?times=x", response_of("x"), 422, "times"),
    "a match that is no JSON": ("?match=x", response_of("x"), 422, "is not JSON"),
    "a match that is none": ('?match={"path":"x"}', response_of("x"), 422, "match.path"),
    "another name": ("?matches=x", response_of("x"), 422, "is unknown: there are match, times"),
    "twice": ("?times=1&times=2", response_of("x"), 422, "is there twice"),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("query", "raw", "status", "text"), AS_IT_IS.values(), ids=AS_IT_IS)
async def test_a_response_may_come_as_it_is(
    tmp_path: Path, query: str, raw: bytes, status: int, text: str, chunked: bool
) -> None:
    """Up to 8 MiB, with its match and its times in the query; what is refused changes nothing, and holds no memory."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), 100_000):
            yield raw[start : start + 100_000]

    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target = await target_of(running, HOST)
        fields = {"Host": HOST, "Content-Type": "application/http"}
        async with (
            aiohttp.ClientSession(headers=fields) as session,
            session.post(
                f"{target.admin}/plays/{HOST}{query}", data=pieces() if chunked else io.BytesIO(raw)
            ) as answer,
        ):
            said = await answer.text()
        assert answer.status == status, said
        assert text in said
        plays = (await target.call("GET", f"/plays/{HOST}"))[1]["plays"]
        assert [play["head_bytes"] + play["body_bytes"] for play in plays] == [len(raw)] * (status == 201)  # type: ignore[attr-defined]
        assert running.site.budget.answers.used == 0


async def test_recordings_and_plays_share_their_memory(tmp_path: Path) -> None:
    """What plays have is missing to the next set of recordings, and comes back."""
    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target, site = await target_of(running, HOST), running.site
        before = site.budget.recordings.used
        number = await played(target, "x")
        held = site.budget.recordings.used - before
        assert held == site.played_bytes > len(response_of("x"))
        site.adopt({HOST: site.hosts[HOST].recording})
        assert site.budget.recordings.used == before + held
        await target.call("DELETE", f"/plays/{HOST}/{number}")
        assert (site.budget.recordings.used, site.played_bytes) == (before, 0)


async def test_a_host_whose_port_cannot_be_opened_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and no play: the answer has no number with which it could be removed."""

    def taken(where: Address) -> None:
        raise PortUnavailable(*where, "Address already in use")

    async with sites({f"{HOST}.http": KEEP}, tmp_path) as running:
        target = await target_of(running, HOST)
        with monkeypatch.context() as patched:
            patched.setattr("services.sites.listening.listeners.bind_socket", taken)
            status, answer = await target.play(response_of("x"), host=OTHER)
        assert (status, answer["error"], set(running.site.hosts)) == (503, "port_unavailable", {HOST})
        await played(target, "x", host=OTHER)


async def test_where_hosts_share_a_port_a_play_is_found_by_its_name(tmp_path: Path) -> None:
    """As in a container of several hosts."""
    await anyio.Path(tmp_path, f"{HOST}.http").write_bytes(KEEP)
    anywhere = Address("127.0.0.1", 0)
    settings = SitesSettings(directory=tmp_path, where=anywhere, tls=None, admin=anywhere)
    async with serve_site(settings) as running:
        target = shared_target(running)
        await played(target, "api", host=OTHER)
        request = target.peer.get(fields="Connection: close\r\n").replace(HOST.encode(), OTHER.encode())
        assert (await anyio.to_thread.run_sync(target.peer.ask, request)).data == response_of("api")
        assert await target.bodies("/") == [b"hello"]


def shared_target(running: RunningSite) -> Target:
    """Return a host of a site whose hosts share their ports."""
    (address,) = running.listeners.of(HOST)
    return Target(Peer(address, HOST), running.admin.url, running.site.hosts[HOST].recording)


async def test_the_admin_side_answers_to_the_name_of_a_host_that_is_played(tmp_path: Path) -> None:
    """As long as there is one."""
    async with one_site(tmp_path) as target, aiohttp.ClientSession(headers={"Host": OTHER}) as session:
        number = await played(target, "api", host=OTHER)
        async with session.get(f"{target.admin}/plays/{OTHER}") as answer:
            assert answer.status == 200
        await target.call("DELETE", f"/plays/{OTHER}/{number}")
        async with session.get(f"{target.admin}/plays/{OTHER}") as answer:
            assert answer.status == 421


async def test_plans_of_a_host_that_is_played_do_not_outlive_the_site(tmp_path: Path) -> None:
    """Its plays do not, either."""
    state = tmp_path / "state"
    await anyio.Path(state).mkdir()
    async with sites({f"{HOST}.http": KEEP}, tmp_path, state=state) as running:
        target = await target_of(running, HOST)
        await played(target, "api", host=OTHER)
        other = await target_of(running, OTHER)
        await other.set_plan([{"fault": "drip"}])
        saved = await anyio.Path(state, "plans-all.json").read_text()
        assert OTHER not in saved
