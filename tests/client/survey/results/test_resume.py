"""Going on after a kill at any moment, without losing or repeating a target, and without harming other files."""

import asyncio
import csv
import json
import random
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.survey.results.formats import row
from services.client.survey.results.resume import NotResumable, WrittenRecords
from services.client.survey.results.rows import JsonLines, split
from services.runtime.run import Stop
from tests.client.peers import Peer, sends, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import read_records, route_of_all, run_client, run_client_async, started_client, survey

HEAD = b'{"v": 1, "line": 1, "target": "a", "url": null, "error": null, "detail": null}\n'


ANSWERED_A_RUN = 400  # by the peer, which then keeps quiet: no run that is to be killed gets to its end before
MAX_AT_A_KILL = 300  # fewer than are answered: of those, some wait for their place in the order


def answers(most: int) -> Peer:
    """Return a peer that answers so many requests, and lets all later ones wait."""
    left = iter(range(most))

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (sends(OK) if next(left, None) is not None else sends(b"", then_hang=True))(reader, writer)

    return peer


@pytest.mark.anyio
@pytest.mark.timeout(300)  # twenty programs one after another
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the servers; the survey has a process of its own
@pytest.mark.parametrize(
    ("options", "kills"),
    [
        (("--loop=uvloop",), 20),
        (("--loop=asyncio", "--ordered"), 10),
        (("--processes=2",), 10),
        (("--format=csv",), 10),
        (("--format=csv", "--columns=target,error,line", "--processes=2"), 5),
    ],
    ids=["uvloop", "asyncio, ordered", "several processes", "a table", "a table of few columns"],
)
async def test_a_survey_that_is_killed_goes_on_where_it_was(
    options: tuple[str, ...], kills: int, tmp_path: Path
) -> None:
    """kill -9 after a random number of records, many times over: in the end every target has one record.

    Every kill meets a survey that is at it: it has written records since the last, and has others to write.
    """
    chance = random.Random(4)
    count = ANSWERED_A_RUN * (kills + 1)
    output = tmp_path / "out"
    targets = b"".join(b"h%d\n" % number for number in range(1, count + 1))
    await asyncio.to_thread((tmp_path / "input").write_bytes, targets)

    peers = {f"run{run}": answers(ANSWERED_A_RUN) for run in range(kills)}
    written = 0
    async with serving(**peers, last=sends(OK)) as topology:  # each run has a peer of its own

        def arguments(peer: str) -> tuple[str | Path, ...]:
            return (
                *("-i", tmp_path / "input", "--format", "jsonl", "-o", output, "--resume", "-c", "16", "-q"),
                *("--resolve", f"*:80:127.0.0.1:{topology.routes[peer, 80][1]}", *options),
            )

        for peer in peers:
            enough = written + chance.randint(1, MAX_AT_A_KILL)
            async with started_client(*arguments(peer)) as process:
                while process.returncode is None and await asyncio.to_thread(records_in, output) < enough:  # noqa: ASYNC110 - a file has no event
                    await asyncio.sleep(0.002)
                assert process.returncode is None
                process.kill()
                assert await process.wait() == -signal.SIGKILL
            written = await asyncio.to_thread(records_in, output)
            assert enough <= written < count
        assert (await run_client_async(*arguments("last"))).returncode == 0
    records = await asyncio.to_thread(lines_and_targets, output)
    assert records == [(n, f"h{n}") for n in range(1, count + 1)]


def lines_and_targets(output: Path) -> list[tuple[int, str]]:
    """Return the line and target of each record, in the order of the lines."""
    if output.read_bytes().startswith(b"{"):
        return [(record["line"], record["target"]) for record in read_records(output)]
    with output.open(encoding="utf-8", newline="") as file:
        return sorted((int(row["line"]), row["target"]) for row in csv.DictReader(file))


def records_in(path: Path) -> int:
    """Return how many whole records a file has that may not be there yet."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


@pytest.mark.anyio
@pytest.mark.parametrize("torn", [b"{", HEAD[:30], HEAD[:-1], HEAD[:12]])
async def test_a_torn_line_is_repaired(torn: bytes, tmp_path: Path) -> None:
    """An incomplete last line is removed; every other byte stays."""
    output = tmp_path / "out"
    await asyncio.to_thread(output.write_bytes, HEAD + torn)
    async with serving(a=sends(OK), b=sends(OK)) as topology:
        _, records = await survey(["a", "b"], output, topology, resume=True)
    assert (await asyncio.to_thread(output.read_bytes)).startswith(HEAD + b'{"v": 1, "line": 2, ')
    assert [record["line"] for record in records] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"precious\n",
        b"precious",
        b"line,target\n",
        b"line,target,error\nprecious\n",
        b"line,target,error\n1,a\n",
        b"line,target,error\n0,a,\n",
        b"line,target,error\n1,a,\n\n",
        b'line,target,error\n1,"a,\n',
        b"line,target,error\n1,\xff,\n",
        b"line,target,error\n1,a,cancelled\nprecious\n",
        b"line,target,error,status\n1,a,,200\n",
    ],
)
def test_another_table_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    """Exit 3, one line, not a byte changed."""
    output = tmp_path / "out"
    output.write_bytes(content)
    result = run_client("a", "--format", "csv", "--columns", "line,target,error", "-o", output, "--resume")
    assert (result.returncode, result.stdout, output.read_bytes()) == (3, b"", content)
    assert b"client: cannot resume " in result.stderr


@pytest.mark.parametrize(
    "torn", [b"", b"lin", b"line,target,error\n", b"line,target,error\n1,", b"line,target,error\n1,a,"]
)
def test_a_torn_table_is_repaired(torn: bytes, tmp_path: Path) -> None:
    """An incomplete last line is removed, also that of the header."""
    output = tmp_path / "out"
    output.write_bytes(torn)
    result = run_client("a b", "--format", "csv", "--columns", "line,target,error", "-o", output, "--resume")
    assert (result.returncode, output.read_bytes()) == (4, b"line,target,error\n1,a b,usage\n")


@pytest.mark.anyio
async def test_what_was_cancelled_is_fetched_again(tmp_path: Path) -> None:
    """A record that says "interrupted" makes room for the one that was interrupted."""
    stop = Stop()

    async def asks_to_stop(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        stop.event.set()
        stop.again.set()
        await reader.read()

    async with serving(a=sends(OK), b=asks_to_stop) as topology:
        await survey(["a", "b", "a"], tmp_path / "out", topology, stop=stop, concurrency=1)
    async with serving(a=sends(OK), b=sends(OK)) as topology:
        code, records = await survey(["a", "b", "a"], tmp_path / "out", topology, resume=True)
    assert code == 0
    assert [(record["line"], record["error"]) for record in records] == [(1, None), (2, None), (3, None)]


@pytest.mark.anyio
async def test_a_line_that_has_changed_is_fetched(tmp_path: Path) -> None:
    """What is done is this target in this line."""
    async with serving(a=sends(OK), b=sends(OK), c=sends(OK)) as topology:
        await survey(["a", "b"], tmp_path / "out", topology)
        _, records = await survey(["a", "c"], tmp_path / "out", topology, resume=True)
    assert [(record["line"], record["target"]) for record in records] == [(1, "a"), (2, "b"), (2, "c")]


@pytest.mark.anyio
async def test_a_complete_survey_stays_as_it_is(tmp_path: Path) -> None:
    """There is nothing to fetch, and that is no error."""
    async with serving(a=sends(OK)) as topology:
        await survey(["a", "ä", "a b"], tmp_path / "out", topology)
        before = await asyncio.to_thread((tmp_path / "out").read_bytes)
        assert (await survey(["a", "ä", "a b"], tmp_path / "out", topology, resume=True))[0] == 0
    assert await asyncio.to_thread((tmp_path / "out").read_bytes) == before


@pytest.mark.parametrize(
    "content",
    [
        b"precious\n",
        b"precious",
        b'{"v": 2, "line": 1, "target": "a", "error": null}\n',
        b'{"line": 1}\n',
        HEAD + b"precious\n",
        HEAD + b"precious",
        HEAD + b"\n",
        HEAD[:20] + b"\n" + HEAD,
        HEAD.replace(b'"detail": null', b'"error": "cancelled", "detail": null') + b"precious\n",
        b"\x00" * 100,
        HEAD.replace(b'"a"', b'"\\q"'),
        HEAD.replace(b'"a"', b'"\xff"'),
        HEAD.replace(b'"url": null, "error": null, "detail": null', b'"error": "cancelled", "detail": '),
        HEAD.replace(b'"error": null', b'"x": {"error": "cancelled", "detail": null}') + b"precious\n",
    ],
)
def test_another_schema_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    """Exit 3, one line, not a byte changed."""
    output = tmp_path / "out"
    output.write_bytes(content)
    result = run_client("a", "--format", "jsonl", "-o", output, "--resume")
    assert (result.returncode, result.stdout) == (NotResumable.exit_code, b"") == (3, b"")
    assert result.stderr.decode().splitlines()[1:] == [result.stderr.decode().splitlines()[-1]]
    assert b"client: cannot resume " in result.stderr
    assert output.read_bytes() == content


def test_what_is_no_file_cannot_be_resumed() -> None:
    """A pipe or a device holds no records."""
    result = run_client("a", "--format", "jsonl", "-o", "/dev/null", "--resume")
    assert result.returncode == 3


def test_a_record_of_this_program_is_recognised(tmp_path: Path) -> None:
    """The check of the schema accepts every record that this program writes."""
    output = tmp_path / "out"
    targets = ["a\\b", 'a"b', "a\tb", "ä b", "http://x y/", "\x7f", "x" * 5000]
    assert run_client(*targets, "--format", "jsonl", "-o", output).returncode == 4
    before = output.read_bytes()
    assert run_client(*targets, "--format", "jsonl", "-o", output, "--resume").returncode == 0
    assert output.read_bytes() == before
    assert [json.loads(line)["error"] for line in before.splitlines()] == ["usage"] * len(targets)


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_large_head_can_be_gone_on_with(form: str, tmp_path: Path) -> None:
    """With any --max-head, the survey's own file is accepted."""
    head = b"HTTP/1.1 200 OK\r\n" + b'X: "' + b"x" * 300_000 + b',"\r\n\r\n'
    arguments = ["a", "b", "--format", form, "-o", str(tmp_path / "out"), "--max-head", "1000000", "--resume"]
    async with serving(host=sends(head)) as topology:
        for _ in range(2):
            result = await run_client_async(*arguments, "--resolve", route_of_all(topology))
            assert result.returncode == 0, result.stderr
    assert b"2 were done before" in result.stderr


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=2))
def test_a_row_is_read_as_it_was_written(cells: list[str]) -> None:
    """For any cell; only line ends are in no cell."""
    assert split(row(*cells).decode()) == cells


@pytest.mark.parametrize("line", ["", "a", 'a,"', 'a,"b\n', 'a,"b"c\n', 'a,b"c\n', 'a,"b""\n', "a\n\n", "a\rb\n"])
def test_what_no_survey_writes_is_no_row(line: str) -> None:
    """Quotes are where RFC 4180 has them, and the line is whole."""
    with pytest.raises(ValueError, match=r"not .* row"):
        split(line)


def test_a_line_that_is_longer_than_any_record_is_not_taken_for_a_torn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would be removed, with all that follows."""
    monkeypatch.setattr("services.client.survey.results.resume.MAX_LINE_BYTES", 100)
    output = tmp_path / "out"
    output.write_bytes(HEAD + HEAD.replace(b'"a"', b'"%s"' % (b"a" * 100)) + HEAD)
    with output.open("rb") as file, pytest.raises(NotResumable, match="line 2 is longer than any record"):
        WrittenRecords(file, "out", JsonLines())
