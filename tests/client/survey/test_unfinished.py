"""Records of an unfinished run are not overwritten by a run without --resume."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.client.peers import Peer, sends, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import route_of_all, run_client, run_client_async, started_client

ONCE = pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the server; the survey has a process of its own
JSON_RECORD = b'{"v": 1, "line": 1, "target": "a", "error": null, "detail": null}\n'
CANCELLED = b'{"v": 1, "line": 2, "target": "b", "error": "cancelled", "detail": "x"}\n'
CSV = b"line,target,error\n1,a,\n"


def answers_once(held: asyncio.Event) -> Peer:
    """Return a peer that answers once, and lets all other clients wait."""
    first = True

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        answer, first = first, False
        held.set() if not answer else None
        await (sends(OK) if answer else sends(b"", then_hang=True))(reader, writer)

    return peer


@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_what_was_stopped_is_gone_on_with_or_overwritten_on_purpose(
    number: signal.Signals, form: str, tmp_path: Path
) -> None:
    """Without --resume and --force it is exit 3, and the file is as it was; a run that finishes leaves no mark."""
    output, mark = tmp_path / "out", tmp_path / "out.unfinished"
    held = asyncio.Event()
    async with serving(host=answers_once(held)) as topology:
        arguments = ["a", "b", "--format", form, "-o", str(output), "-c", "1", "--resolve", route_of_all(topology)]
        async with started_client(*arguments) as process:
            await held.wait()
            while not await asyncio.to_thread(has_record, output):  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.02)
            process.send_signal(number)
            await process.wait()
    assert await asyncio.to_thread(mark.exists)
    before = await asyncio.to_thread(output.read_bytes)
    async with serving(host=sends(OK)) as topology:
        arguments = ["a", "b", "--format", form, "-o", str(output), "--resolve", route_of_all(topology)]
        refused = await run_client_async(*arguments)
        assert refused.returncode == 3
        assert refused.stderr.endswith(b"go on with it (--resume), or overwrite it (--force)\n")
        assert await asyncio.to_thread(output.read_bytes) == before
        again = await run_client_async(*arguments, "--resume" if number == signal.SIGKILL else "--force")
        assert again.returncode == 0
        assert not await asyncio.to_thread(mark.exists)
        assert (await run_client_async(*arguments)).returncode == 0
    assert (await asyncio.to_thread(output.read_bytes)).count(b"\n") == 2 + (form == "csv")


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("--format", "jsonl", "--only", "2xx"), "--only"),
        (("--format", "csv", "--columns", "target,status"), "--columns"),
        (("--format", "human"), "--format human"),
        (("--format", "raw"), "--format raw"),
        (("--format", "csv", "--columns", "error,line,target"), None),
    ],
)
def test_only_advice_that_works_is_given(arguments: tuple[str, ...], asked: str | None, tmp_path: Path) -> None:
    """Each option that the error names is accepted; one that would be refused is not named."""
    output = tmp_path / "out"
    output.write_text("error,line,target\n")
    (tmp_path / "out.unfinished").touch()
    said = run_client("a b", "-o", output, *arguments).stderr.decode()
    resumed = run_client("a b", "-o", output, *arguments, "--resume")
    assert ("(--resume)" in said) is (asked is None)
    assert resumed.returncode == (2 if asked else 4)
    if asked:
        assert said.endswith(f"or name another file: what {asked} writes cannot be resumed\n")
    (tmp_path / "out.unfinished").touch()
    assert run_client("a b", "-o", output, *arguments, "--force").returncode == 4


def has_record(file: Path) -> bool:
    """Return whether a file that may not be there yet has the record of `a`."""
    return file.exists() and (b",a," in file.read_bytes() or b'"target": "a"' in file.read_bytes())


@pytest.mark.parametrize(
    ("content", "unfinished"),
    [
        (JSON_RECORD, False),
        (JSON_RECORD + b'{"v": 1, "li', True),
        (JSON_RECORD + CANCELLED, True),
        (CSV, False),
        (CSV + b"2,b", True),
        (CSV + b"2,b,cancelled,x\n", True),
        (b"precious", False),
        (b"precious, not ours\nand torn", False),
        (b"", False),
    ],
)
def test_the_end_tells_where_there_is_no_mark(content: bytes, unfinished: bool, tmp_path: Path) -> None:
    """As where the directory takes no other file: a torn record, or one that was cancelled."""
    output = tmp_path / "out"
    output.write_bytes(content)
    result = run_client("a b", "--format", "jsonl", "-o", output)
    assert result.returncode == (3 if unfinished else 4)
    assert (output.read_bytes() == content) is unfinished
    assert not (tmp_path / "out.unfinished").exists()


def test_a_file_of_that_name_that_is_not_ours_stays(tmp_path: Path) -> None:
    """A mark is empty: another file is not ours."""
    other = tmp_path / "out.unfinished"
    other.write_text("precious")
    assert run_client("a b", "--format", "jsonl", "-o", tmp_path / "out", "--force").returncode == 4
    assert other.read_text() == "precious"


def test_a_link_leads_to_the_mark_of_its_file(tmp_path: Path) -> None:
    """The mark is beside the file itself, by whichever of its names a run was begun or goes on."""
    (tmp_path / "real").mkdir()
    output, mark, link = tmp_path / "real/out", tmp_path / "real/out.unfinished", tmp_path / "link"
    link.symlink_to(output)
    output.write_bytes(JSON_RECORD)
    mark.touch()
    for name in link, output:
        assert run_client("a b", "--format", "jsonl", "-o", name).returncode == 3
        assert output.read_bytes() == JSON_RECORD
    assert run_client("a b", "--format", "jsonl", "-o", link, "--force").returncode == 4
    assert not mark.exists(), "it was finished"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "real"]
