"""The input, read lazily, with any content."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.client.survey.deadlines import DeadlineSweeper
from services.client.survey.lines import BLOCK_BYTES, BLOCKS, Lines
from services.client.survey.targets import Arguments, Source, Target
from tests.client.survey.surveys import run_client


async def all_of(source: Source) -> list[Target]:
    """Return every item."""
    items = []
    with DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        while item := await source.next(deadline):
            items.append(item)
    return items


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the two ends of a pipe."""
    ends = os.pipe()
    yield ends
    os.close(ends[1])  # the other is still read, by a thread


def lines_of(tmp_path: Path, content: bytes) -> int:
    """Return a descriptor of a file with that content."""
    path = tmp_path / "input"
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


@pytest.mark.anyio
async def test_lines_are_counted_and_comments_passed_over(tmp_path: Path) -> None:
    """The line of a record is the line of the file; the last line needs no line end."""
    fd = await asyncio.to_thread(lines_of, tmp_path, b"a\n\n# c\n  b \r\n\t\n#\nc")
    items = await all_of(Source(Lines(fd, "input")))
    assert items == [(1, "a", None), (4, "b", None), (7, "c", None)]


@pytest.mark.anyio
async def test_a_byte_order_mark_is_no_part_of_a_line(tmp_path: Path) -> None:
    """An editor begins a file with one, and files are joined: what follows is a target, a comment or nothing."""
    content = "\ufeffa\n\ufeff# comment\n\ufeff\n \ufeff b\n#\ufeff\nc\ufeff\n".encode()
    fd = await asyncio.to_thread(lines_of, tmp_path, content)
    assert await all_of(Source(Lines(fd, "input"))) == [(1, "a", None), (4, "b", None), (6, "c\ufeff", None)]
    assert await all_of(Source(Arguments(["\ufeffhttp://a/"]))) == [(1, "http://a/", None)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        (b"x" * 1_000_000, "x" * 200 + "...", "a line of more than 4,096 bytes"),
        (b"x" * 4_097, "x" * 200 + "...", "a line of more than 4,096 bytes"),
        (b"x" * 4_096, "x" * 4_096, None),
        (b" " * 300_000 + b"x", None, "a line of more than 4,096 bytes"),
        (b"h\xff\xfe", "h\\xff\\xfe", "a line that is not UTF-8"),
        (b"a\x00b", "a\x00b", None),  # it is the URL's business to refuse it
    ],
    ids=["megabyte", "just too long", "just right", "spaces", "not UTF-8", "NUL"],
)
async def test_a_bad_line_is_a_target_with_a_problem(
    line: bytes, text: str | None, problem: str | None, tmp_path: Path
) -> None:
    """The survey goes on; the line is shown cut, with its number, wherever blocks of the input end."""
    for before in (b"", b"y" * (BLOCK_BYTES - 2) + b"\n"):
        fd = await asyncio.to_thread(lines_of, tmp_path, before + line + b"\nlast\n")
        *_, bad, last = await all_of(Source(Lines(fd, "input")))
        assert (last.text, last.line) == ("last", 3 if before else 2)
        assert (bad.line, bad.problem) == (last.line - 1, problem)
        assert text is None or bad.text == text


@pytest.mark.anyio
async def test_a_comment_may_be_long(tmp_path: Path) -> None:
    """It is passed over like any other."""
    fd = await asyncio.to_thread(lines_of, tmp_path, b" #" + b"x" * 1_000_000 + b"\nhost")
    assert await all_of(Source(Lines(fd, "input"))) == [(2, "host", None)]


@pytest.mark.anyio
async def test_work_starts_before_the_input_ends(pipe: tuple[int, int]) -> None:
    """What has been written can be taken, though more may come."""
    source = Source(Lines(pipe[0], "pipe"))
    with DeadlineSweeper() as sweeper:
        await asyncio.to_thread(os.write, pipe[1], b"a\nb")
        assert await source.next(sweeper.deadline()) == (1, "a", None)
        waiting = asyncio.ensure_future(source.next(sweeper.deadline()))
        await asyncio.to_thread(os.write, pipe[1], b"c\n")
        assert await waiting == (2, "bc", None)
        waiting = asyncio.ensure_future(source.next(sweeper.deadline()))
        await asyncio.sleep(0)
        source.stop()
        assert await waiting is None


@pytest.mark.anyio
async def test_the_input_is_not_read_further_than_needed(tmp_path: Path) -> None:
    """A list of any length takes a few blocks of memory."""
    content = b"".join(b"host-%d\n" % number for number in range(200_000))
    fd = await asyncio.to_thread(lines_of, tmp_path, content)
    source = Source(Lines(fd, "input"))
    with DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        for _ in range(10):
            await source.next(deadline)
        await asyncio.to_thread(lambda: None)
        assert os.lseek(fd, 0, os.SEEK_CUR) <= (BLOCKS + 1) * BLOCK_BYTES
        assert 0 < source.input.fraction_taken() < 0.2  # type: ignore[operator]
        count = 10
        while await source.next(deadline):
            count += 1
    assert count == 200_000


@pytest.mark.anyio
async def test_skipped_targets_are_not_given() -> None:
    """What is done already is passed over, and counted."""
    source = Source(Arguments(["a", "b", "c"]), lambda line, text: (line, text) == (2, "b"))
    assert [item.text for item in await all_of(source)] == ["a", "c"]
    assert (source.taken, source.skipped, source.input.fraction_taken()) == (2, 1, 1.0)


@pytest.mark.anyio
async def test_an_argument_that_is_not_utf_8_is_a_target_with_a_problem() -> None:
    """Such bytes come as surrogates, which could not be encoded later."""
    (item,) = await all_of(Source(Arguments([os.fsdecode(b"h\xff")])))
    assert item == (1, "h\\xff", "an argument that is not UTF-8")


def test_a_read_that_fails_is_exit_3_and_one_line(tmp_path: Path) -> None:
    """A directory and a process's memory open, but cannot be read; a file may be missing."""
    for name in (tmp_path, Path("/proc/self/mem"), tmp_path / "missing"):
        output = tmp_path / "out"
        output.write_text("precious")
        result = run_client("-i", name, "--format", "jsonl", "-o", output)
        loop, line = result.stderr.decode().splitlines()
        assert (result.returncode, result.stdout, loop) == (3, b"", "loop: asyncio")
        assert line.startswith(f"client: cannot read '{name}': ")
        assert output.read_text() == "precious"
