"""Going on with a list that is not the one a survey was begun with: by target, each place in the list once."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.survey.results.completed import DoneLines, DoneTargets, SkipDone
from tests.client.peers import sends, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import read_records, route_of_all, run_client_async

CHANGED = b"the list has changed since "
LISTS = {
    "the same": ("abcdef", "abcdef"),
    "longer at its end": ("abc", "abcdef"),
    "reversed": ("abcdef", "fedcba"),
    "one more at its head": ("abcd", "xabcd"),
    "one less": ("abcd", "acd"),
    "all of it new": ("abc", "xyz"),
    "twice what was once": ("abc", "aabbc"),
    "once what was twice": ("aabbc", "abc"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the server; the survey has a process of its own
@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("by", ["file", "pipe", "arguments"])
@pytest.mark.parametrize(("before", "after"), LISTS.values(), ids=LISTS)
async def test_nothing_is_fetched_twice(before: str, after: str, by: str, form: str, tmp_path: Path) -> None:
    """Lines moved, added or removed: each line of the new list has a record, and no target is fetched again."""
    asked: Counter[str] = Counter()

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked[head.decode().split("Host: ")[1].split("\r\n")[0]] += 1
        writer.write(OK)

    async with serving(host=counts) as topology:
        for targets in before, after:
            text = "".join(f"{each}\n" for each in targets).encode()
            await asyncio.to_thread((tmp_path / "list").write_bytes, text)
            source = {"file": ["-i", str(tmp_path / "list")], "pipe": ["-i", "-"], "arguments": list(targets)}[by]
            result = await run_client_async(
                *source,
                *("--format", form, "-o", tmp_path / "out", "--resume", "--resolve", route_of_all(topology)),
                stdin=text,
            )
            assert result.returncode == 0, result.stderr
    assert asked == Counter(before) | Counter(after)
    records = await asyncio.to_thread((tmp_path / "out").read_bytes)
    assert records.count(b"\n") - (form == "csv") == asked.total()
    has_changed = not after.startswith(before)
    assert result.stderr.count(CHANGED) == has_changed


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("done", "after"), [({1: "a", 3: "c"}, "acb"), ({1: "a"}, "ba"), ({2: "a"}, "ab"), ({2: "a"}, "aa")]
)
async def test_a_target_that_moved_to_a_line_without_a_record_is_done(
    done: dict[int, str], after: str, tmp_path: Path
) -> None:
    """A survey that is stopped leaves such lines; of a pipe, too, nothing is fetched more often than it is listed."""
    lines = [f'{{"v": 1, "line": {line}, "target": "{target}", "error": null}}\n' for line, target in done.items()]
    output = tmp_path / "out"
    await asyncio.to_thread(output.write_text, "".join(lines))
    async with serving(host=sends(OK)) as topology:
        arguments = ["-i", "-", "--format", "jsonl", "-o", str(output), "--resume"]
        listed = "".join(f"{each}\n" for each in after).encode()
        result = await run_client_async(*arguments, "--resolve", route_of_all(topology), stdin=listed)
    assert result.returncode == 0, result.stderr
    records = await asyncio.to_thread(read_records, output)
    assert Counter(record["target"] for record in records) == Counter(done.values()) | Counter(after)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans())), st.lists(st.sampled_from("abcd")))
def test_each_record_stands_for_one_place(before: list[tuple[str, bool]], after: list[str]) -> None:
    """Of a pipe, whichever places had their record when the survey was stopped: a target with k is skipped k times."""
    done = {line: target for line, (target, is_done) in enumerate(before, 1) if is_done}
    lines, targets = DoneLines(), DoneTargets(len(done))
    for line, target in done.items():
        lines.add(line, target)
        targets.add(target)
    told: list[bool] = []
    skip = SkipDone(lines, targets, changed=lambda: told.append(True))
    skipped = Counter(target for line, target in enumerate(after, 1) if skip(line, target))
    assert skipped == Counter(done.values()) & Counter(after)
    assert len(told) == any(done.get(line, target) != target for line, target in enumerate(after, 1))


def test_a_target_takes_eighteen_bytes() -> None:
    """A long one, too; and each is found among many."""
    many = 50_000
    done = DoneTargets(many)
    for number in range(many):
        done.add(f"http://host-{number}.test/{'x' * 100}")
    held = sum(len(table) * table.itemsize for table in (done._hashes, done._counts))
    assert held <= 18 * many + 18
    assert all(done.take(f"http://host-{number}.test/{'x' * 100}") for number in range(many))
    assert not any(done.take(f"http://host-{number}.test/{'x' * 100}") for number in range(many + 100))


def test_a_full_table_ends_its_searches() -> None:
    """There is always a slot that is free."""
    for many in range(4):
        done = DoneTargets(many)
        for number in range(many):
            done.add(str(number))
        assert not done.take("none of them")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_target_that_a_table_shows_otherwise_is_known_again(tmp_path: Path) -> None:
    """A cell has controls escaped, and no formula."""
    targets = '=1+1\n@x\na,b\na"b\n-dash\n\u00e4\n'.encode()
    async with serving(host=sends(OK)) as topology:
        arguments = ["-i", "-", "--format", "csv", "-o", str(tmp_path / "out"), "--resume"]
        for rest in b"", b"one-more\n":
            result = await run_client_async(
                *arguments,
                *("--resolve", route_of_all(topology)),
                stdin=rest + targets,
            )
    assert b"1 target in " in result.stderr
    assert b"6 were done before" in result.stderr
