"""Going on after a kill at any moment, without losing or repeating a target, and without harming other files."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from services.client.wget.resume import NotResumable
from services.runtime.run import Stop
from tests.client.peers import sends, serving
from tests.client.wget.hostile import OK
from tests.client.wget.surveys import ROOT, command, read_records, run_client, survey

HEAD = b'{"v": 1, "line": 1, "target": "a", "url": null, "error": null, "detail": null}\n'


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the servers; the survey has a process of its own
@pytest.mark.parametrize(
    ("options", "kills"),
    [(("--loop=uvloop",), 20), (("--loop=asyncio", "--ordered"), 10), (("--processes=2",), 10)],
    ids=["uvloop", "asyncio, ordered", "several processes"],
)
async def test_a_survey_that_is_killed_goes_on_where_it_was(
    options: tuple[str, ...], kills: int, tmp_path: Path
) -> None:
    """kill -9 after a random number of records, many times over: in the end every target has one record."""
    count = 4_000
    random.seed(4)
    output = tmp_path / "out"
    targets = b"".join(b"h%d\n" % number for number in range(1, count + 1))
    await asyncio.to_thread((tmp_path / "input").write_bytes, targets)
    sizes: list[int] = []
    async with serving(host=sends(OK)) as topology:
        port = topology.routes["host", 80][1]
        arguments = command(
            *("-i", tmp_path / "input", "--format", "jsonl", "-o", output, "--resume", "-c", "16", "-q"),
            *("--resolve", f"*:80:127.0.0.1:{port}", *options),
        )
        for _ in range(kills):
            process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL)
            more = (sizes[-1] if sizes else 0) + random.randrange(1, 3_000_000 // kills)
            while process.returncode is None and await asyncio.to_thread(size_of, output) < more:  # noqa: ASYNC110 - files tell nobody
                await asyncio.sleep(0.002)
            if process.returncode is None:
                process.kill()
            await process.wait()
            sizes.append(await asyncio.to_thread(size_of, output))
        process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0
    records = await asyncio.to_thread(read_records, output)
    assert [(record["line"], record["target"]) for record in records] == [(n, f"h{n}") for n in range(1, count + 1)]
    assert len(set(sizes)) > 2  # or nothing was killed in the middle


def size_of(path: Path) -> int:
    """Return the size of a file that may not be there yet."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.anyio
@pytest.mark.parametrize("torn", [b"{", HEAD[:30], HEAD[:-1], HEAD[:12]])
async def test_a_torn_line_is_repaired(torn: bytes, tmp_path: Path) -> None:
    """Whatever was left of it goes; what is whole stays, to the byte."""
    output = tmp_path / "out"
    await asyncio.to_thread(output.write_bytes, HEAD + torn)
    async with serving(a=sends(OK), b=sends(OK)) as topology:
        _, records = await survey(["a", "b"], output, topology, resume=True)
    assert (await asyncio.to_thread(output.read_bytes)).startswith(HEAD + b'{"v": 1, "line": 2, ')
    assert [record["line"] for record in records] == [1, 2]


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
async def test_nothing_to_do_is_all_well(tmp_path: Path) -> None:
    """A survey that was complete stays as it is."""
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
    """The check for the schema reads what this program writes, whatever is in it."""
    output = tmp_path / "out"
    targets = ["a\\b", 'a"b', "a\tb", "ä b", "http://x y/", "\x7f", "x" * 5000]
    assert run_client(*targets, "--format", "jsonl", "-o", output).returncode == 4
    before = output.read_bytes()
    assert run_client(*targets, "--format", "jsonl", "-o", output, "--resume").returncode == 0
    assert output.read_bytes() == before
    assert [json.loads(line)["error"] for line in before.splitlines()] == ["usage"] * len(targets)
