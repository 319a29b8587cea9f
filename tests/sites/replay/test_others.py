"""The recordings of a host besides its own: which of them a request gets, their order, and what is refused."""

import os
import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from services.sites.replay.directory import RecordingDirectory, TooLarge
from services.sites.replay.files import MAX_OTHERS, BadRecording
from services.sites.replay.recording import RECORDING_BYTES, UNMATCHED_BODY, UNMATCHED_HEAD
from services.sites.server import RunningSite
from tests.sites.peer import listen
from tests.sites.target import Target, response_of, sites, target_of
from tests.sites.test_server import until

HOST = "a.test"
OWN = {f"{HOST}.http": response_of("own")}


def others(**sidecars: str) -> dict[str, bytes]:
    """Return recordings with these names, each with its name as its body, and their sidecars."""
    recordings = {f"{HOST}/{name}.http": response_of(name) for name in sidecars}
    return recordings | {f"{HOST}/{name}.toml": toml.encode() for name, toml in sidecars.items()}


def write(directory: Path, files: Mapping[str, bytes]) -> Path:
    """Write files, and return their directory."""
    for name, content in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def path(pattern: str, more: str = "") -> str:
    """Return a sidecar with a match of a path."""
    return f"{more}\n[match]\npath = '{pattern}'\n"


@pytest.mark.anyio
async def test_the_most_special_match_answers_and_the_hosts_own_what_matches_nothing(tmp_path: Path) -> None:
    """And the journal says which recording it was."""
    special = others(all_v1=path("/v1/*"), users=path("/v1/users"), post=path("/v1/*") + "method = 'POST'")
    async with sites(OWN | special, tmp_path) as running:
        target = await target_of(running, HOST)
        assert await target.bodies("/", "/v1/users", "/v1/x", "/v1") == [b"own", b"users", b"all_v1", b"own"]
        assert await target.bodies("/v1/x", "/v1/users", method="POST") == [b"post", b"users"]
        responses = [entry["response"] for entry in await target.ended()]
        assert responses == [f"{HOST}.http", "users.http", "all_v1.http", f"{HOST}.http", "post.http", "users.http"]


@pytest.mark.anyio
async def test_a_host_without_a_recording_of_its_own_says_that_none_matches(tmp_path: Path) -> None:
    """404 from the lab, which says so in a field; the connection stays open."""
    async with sites(others(one=path("/one")), tmp_path) as running:
        target = await target_of(running, HOST)

        def ask() -> bytes:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get("/two") + target.peer.get("/one"))
                return listen(connection, len(UNMATCHED_HEAD + UNMATCHED_BODY + response_of("one"))).data

        assert await anyio.to_thread.run_sync(ask) == UNMATCHED_HEAD + UNMATCHED_BODY + response_of("one")
        entries = [(entry["status"], entry["response"], entry["ended"]) for entry in await target.entries()]
        assert entries == [(404, None, "kept"), (200, "one.http", "kept")]


SEQUENCES: Mapping[str, tuple[dict[str, str], list[str]]] = {
    "times": ({"one": path("/", "times = 2")}, ["one", "one", "own", "own"]),
    "a sequence": (
        {"b": path("/", "sequence = 1"), "a": path("/", "sequence = 2"), "c": path("/", "sequence = 3")},
        ["b", "a", "c", "c"],
    ),
    "a sequence with times": (
        {"a": path("/", "sequence = 1\ntimes = 2"), "b": path("/", "sequence = 5")},
        ["a", "a", "b", "b"],
    ),
    "a sequence that ends": (
        {"a": path("/", "sequence = 0"), "b": path("/", "sequence = 1\ntimes = 1")},
        ["a", "b", "own", "own"],
    ),
    "then a match that is less special": (
        {"a": path("/", "times = 1"), "b": path("/*", "times = 1"), "c": ""},
        ["a", "b", "c", "c"],
    ),
    "of all requests": ({"a": "sequence = 1", "b": "sequence = 2"}, ["a", "b", "b", "b"]),
}


@pytest.mark.anyio
@pytest.mark.parametrize(("sidecars", "expected"), SEQUENCES.values(), ids=SEQUENCES)
async def test_a_recording_answers_as_often_as_it_says_and_then_the_next(
    tmp_path: Path, sidecars: dict[str, str], expected: list[str]
) -> None:
    """Counted by the site, over all connections; DELETE /plays lets it begin anew."""
    async with sites(OWN | others(**sidecars), tmp_path) as running:
        target = await target_of(running, HOST)
        for _again in range(2):
            assert await target.bodies("/", "/", "/", "/") == [each.encode() for each in expected]
            status, answer = await target.call("DELETE", f"/plays/{HOST}")
            assert status == 200
            assert {each["times"] == each["left"] for each in answer["recordings"]} == {True}  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_times_are_exact_however_many_ask_at_once(tmp_path: Path) -> None:
    """Each of a sequence is given as often as it says, and to no more."""
    sidecars = {"a": path("/", "sequence = 1\ntimes = 7"), "b": path("/", "sequence = 2\ntimes = 20")}
    async with sites(OWN | others(**sidecars), tmp_path) as running:
        target = await target_of(running, HOST)
        bodies: list[bytes] = []

        async def ask() -> None:
            bodies.extend(await target.bodies("/", "/"))

        async with anyio.create_task_group() as group:
            for _ in range(30):
                group.start_soon(ask)
    assert {body: bodies.count(body) for body in bodies} == {b"a": 7, b"b": 20, b"own": 33}


@pytest.mark.anyio
async def test_a_fault_changes_whichever_response_was_chosen(tmp_path: Path) -> None:
    """An offset may lie in the host's longest head; of a shorter one the whole head is sent, then the fault."""
    long = b"HTTP/1.1 200 OK\r\nX-Long: %s\r\nContent-Length: 4\r\n\r\nlong" % (b"a" * 400)
    async with sites(
        OWN | {f"{HOST}/long.http": long, f"{HOST}/long.toml": path("/long").encode()}, tmp_path
    ) as running:
        target = await target_of(running, HOST)
        await target.set_plan([{"fault": "fin_at", "bytes": 300}])
        for asked, sent in (("/long", long[:300]), ("/", OWN[f"{HOST}.http"][:-3])):
            assert (await anyio.to_thread.run_sync(target.peer.ask, target.peer.get(asked))).data == sent
        await target.set_plan([{"fault": "delay", "bytes": 300, "seconds": 0.001}])
        assert await target.bodies("/", "/long") == [b"own", b"long"]
        status, answer = await target.call("PUT", f"/faults/{HOST}", {"faults": [{"fault": "fin_at", "bytes": 9_999}]})
        assert (status, "beyond the head" in str(answer)) == (422, True)


async def until_changed(running: RunningSite, target: Target, asked: str, body: bytes) -> None:
    """Wait until a path gets this body."""

    async def changed() -> bool:
        return await target.bodies(asked) == [body] and not running.site.trouble

    await until(changed)


@pytest.mark.anyio
async def test_others_are_reloaded_and_what_has_not_changed_goes_on_counting(tmp_path: Path) -> None:
    """A recording that comes, changes or goes; a sequence that is spent stays so."""
    counted = {"once": path("/once", "times = 1"), "changing": path("/changing")}
    async with sites(OWN | others(**counted), tmp_path, reload_s=0.01) as running:
        target = await target_of(running, HOST)
        assert await target.bodies("/once", "/new", "/changing") == [b"once", b"own", b"changing"]
        write_here = partial(write, tmp_path)
        await anyio.to_thread.run_sync(write_here, others(new=path("/new")))
        await until_changed(running, target, "/new", b"new")
        await anyio.to_thread.run_sync(write_here, {f"{HOST}/changing.http": response_of("changed")})
        await until_changed(running, target, "/changing", b"changed")
        await anyio.to_thread.run_sync(write_here, {f"{HOST}/changing.toml": path("/moved").encode()})
        await until_changed(running, target, "/moved", b"changed")
        assert await target.bodies("/once", "/changing") == [b"own", b"own"]
        await anyio.to_thread.run_sync(shutil.rmtree, tmp_path / HOST)
        await until_changed(running, target, "/new", b"own")


@pytest.mark.anyio
async def test_a_bad_other_keeps_what_is_played(tmp_path: Path) -> None:
    """Not ready, with its file in the line; the responses stay as they were."""
    async with sites(OWN | others(one=path("/one")), tmp_path, reload_s=0.01) as running:
        target = await target_of(running, HOST)
        await anyio.to_thread.run_sync(write, tmp_path, others(two=path("/one")))

        async def in_trouble() -> bool:
            return bool(running.site.trouble)

        await until(in_trouble)
        assert running.site.trouble.startswith(f"{HOST}/two.http: matches the same requests as one.http")
        assert await target.bodies("/one") == [b"one"]


BAD: Mapping[str, tuple[dict[str, bytes], str]] = {
    "the same match": (others(a=path("/x"), b=path("/x")), f"{HOST}/b.http: matches the same requests as a.http"),
    "the same match, by default": (others(a="", b=""), f"{HOST}/b.http: matches the same requests"),
    "the same match, one with a place": (others(a=path("/x"), b=path("/x", "sequence = 1")), "matches the same"),
    "the same place": (others(a=path("/x", "sequence = 1"), b=path("/x", "sequence = 1")), "matches the same"),
    "a bad match": (others(a="[match]\nhost = 'x'"), f"{HOST}/a.toml: match.host: is unknown"),
    "a match that is none": (others(a="match = 'x'"), f"{HOST}/a.toml: match: is not a table"),
    "times of none": (others(a="times = 0"), f"{HOST}/a.toml: times: '0' is not a whole number from 1"),
    "times in words": (others(a="times = 'two'"), f"{HOST}/a.toml: times: 'two' is not"),
    "times of truth": (others(a="times = true"), f"{HOST}/a.toml: times: 'True' is not"),
    "a place below none": (others(a="sequence = -1"), f"{HOST}/a.toml: sequence: '-1' is not"),
    "faults": (others(a="[[faults]]\nfault = 'drip'"), f"{HOST}/a.toml: faults: belongs into HOST.toml"),
    "an unknown key": (others(a="time = 1"), f"{HOST}/a.toml: 'time' is not a key"),
    "a match of the host's own": (
        OWN | {f"{HOST}.toml": b"[match]\npath = '/'"},
        f"{HOST}.toml: match: belongs into HOST/NAME.toml",
    ),
    "times of the host's own": (OWN | {f"{HOST}.toml": b"times = 1"}, f"{HOST}.toml: times: belongs into"),
    "no head": ({f"{HOST}/a.http": b"hello"}, f"{HOST}/a.http: has no status line"),
    "a name with a space": ({f"{HOST}/a b.http": response_of("")}, f"{HOST}/a b.http: its name is not letters"),
    "no host": (
        {"not a host/a.http": response_of("")},
        "not a host: holds recordings, and its name is not a host name",
    ),
    "a host in two cases": (
        {f"{HOST}/a.http": response_of(""), "A.test/b.http": response_of("")},
        "a.test: is the same host as another",
    ),
}


@pytest.mark.parametrize(("files", "line"), BAD.values(), ids=BAD)
def test_what_no_site_can_play_is_refused_by_its_file(tmp_path: Path, files: dict[str, bytes], line: str) -> None:
    """One line, with what to do about it."""
    with pytest.raises(BadRecording, match=re.escape(line)) as caught:
        RecordingDirectory(write(tmp_path, files)).load()
    assert "\n" not in str(caught.value)


def test_a_directory_of_a_host_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """As a FIFO in the place of a recording is, and as too many are."""
    write(tmp_path, OWN | others(a=""))
    os.mkfifo(tmp_path / HOST / "b.http")
    with pytest.raises(BadRecording, match=rf"{HOST}/b\.http: is not a regular file"):
        RecordingDirectory(tmp_path).load()
    (tmp_path / HOST / "b.http").unlink()
    write(tmp_path, {f"{HOST}/{number}.http": b"" for number in range(MAX_OTHERS)})
    with pytest.raises(BadRecording, match=rf"{HOST}: holds 1,001 recordings, and 1,000 is the limit"):
        RecordingDirectory(tmp_path).load()


def test_other_directories_are_left_alone(tmp_path: Path) -> None:
    """Those without recordings, and those that begin with a dot, as a version control's."""
    write(tmp_path, OWN | {"Some notes/a.txt": b"", ".git/a.http": b"", f"{HOST}/.a.http": b"", f"{HOST}/README": b""})
    assert RecordingDirectory(tmp_path).load()[HOST].others == ()


def test_ones_own_others_come_before_those_that_the_lab_brings(tmp_path: Path) -> None:
    """A host's own recording and its others each for itself."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "own").mkdir()
    lab = write(tmp_path / "lab", OWN | others(a=""))
    own = write(tmp_path / "own", {f"{HOST}/b.http": response_of("b")})
    recording = RecordingDirectory(lab, own=own).load()[HOST]
    assert (recording.body, [other.name for other in recording.others]) == (b"own", ["b.http"])
    write(tmp_path / "own", {f"{HOST}.http": response_of("mine")})
    recording = RecordingDirectory(lab, own=own).load()[HOST]
    assert (recording.body, [other.name for other in recording.others]) == (b"mine", ["b.http"])


def test_a_named_host_may_have_others_alone(tmp_path: Path) -> None:
    """As a container's one host may; another one is refused."""
    write(tmp_path, others(a=""))
    assert RecordingDirectory(tmp_path, (HOST,)).load()[HOST].status == 404
    with pytest.raises(BadRecording, match=r"b\.test\.http: No such file"):
        RecordingDirectory(tmp_path, ("b.test",)).load()


def test_others_count_in_the_memory_of_recordings(tmp_path: Path) -> None:
    """With their matches; a set that is too large is refused whole."""
    write(tmp_path, OWN | others(a="", b=path("/b")))
    recording = RecordingDirectory(tmp_path).load()[HOST]
    held = recording.all_held_bytes
    assert held > 3 * RECORDING_BYTES
    assert RecordingDirectory(tmp_path, room_bytes=held).load()
    with pytest.raises(TooLarge, match="3 recordings need"):
        RecordingDirectory(tmp_path, room_bytes=held - 1).load()


@pytest.mark.anyio
async def test_known_answers_cost_no_more_memory_than_is_counted(tmp_path: Path) -> None:
    """All requests that are answered with one recording share its bytes."""
    async with sites(OWN | others(a=path("/a*")), tmp_path) as running:
        target = await target_of(running, HOST)
        await target.bodies("/a1", "/a2", "/a3", "/")
        wires = {id(known.wire) for known in running.site.known.values()}
        assert (len(running.site.known), len(wires)) == (4, 2)
