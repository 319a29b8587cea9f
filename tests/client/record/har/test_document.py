"""Files that are no HAR files, and what may be around the entries of one."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from services.client.record.har.document import NoHar, each_entry
from services.client.record.program import record
from services.client.topology import Topology
from tests.client.record.har.entries import entry, har, har_options
from tests.client.record.web import Record, files

BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON"),
    "no JSON": (b"<har>", "is not JSON"),
    "not UTF-8": (b'{"log": "\xff"}', "is not UTF-8 at byte 9"),
    "another document": (b'{"name": "x"}', "has no `log.entries`"),
    "an array": (b"[]", "is not JSON of a HAR file"),
    "no entries": (b'{"log": {"version": "1.2"}}', "has no `log.entries`"),
    "entries that are no array": (b'{"log": {"entries": {}}}', "is not JSON of a HAR file"),
    "entries twice": (b'{"log": {"entries": [], "entries": []}}', "has `entries` twice"),
    "two logs": (b'{"log": {"entries": []}, "log": {"entries": []}}', "has `entries` twice"),
    "cut off": (json.dumps(har(entry())).encode()[:-30], "is not JSON"),
    "more behind its end": (json.dumps(har()).encode() + b"x", "more after its end"),
    "a name twice": (b'{"log": {"entries": [{"a": 1, "a": 2}]}}', "is there twice"),
    "digits": (
        b'{"log": {"entries": [' + b"9" * 5_000 + b"]}}",
        "is not JSON: a number of more than 4,300 digits: save",
    ),
    "deep": (b'{"log": {"entries": [' + b"[" * 200_000, "is nested too deeply"),
    "deep elsewhere": (b'{"x": ' + b'{"a":' * 200_000, "is nested too deeply"),
    "a long number": (b'{"log": {"entries": [' + b"1" * 5000, "is not JSON"),
    "no number": (b'{"log": {"entries": [NaN]}}', "NaN is no number"),
    "no name": (b'{"log": {1: 2}}', "no name"),
}


@pytest.mark.parametrize(("raw", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_har_file_is_one_line(tmp_path: Path, record_har: Record, raw: bytes, reason: str) -> None:
    """Exit code 3, and nothing is written."""
    with pytest.raises(NoHar, match=re.escape(reason)) as caught:
        record_har(raw)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_too_large_or_no_file_is_one_line(
    tmp_path: Path, record_har: Record, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe would never end."""
    with pytest.raises(NoHar, match="cannot be read"):
        runner.run(record(har_options(tmp_path, har=str(tmp_path)), Topology({}, closed=True)))
    monkeypatch.setattr("services.client.record.har.document.MAX_HAR_BYTES", 100)
    with pytest.raises(NoHar, match="has more than 100 bytes"):
        record_har(har(entry()))


def test_entries_are_read_one_after_another_whatever_is_around_them() -> None:
    """Programs write the members of a HAR file in any order, with a comment or a byte order mark."""
    text = ' {"comment": {"entries": [9]}, "log" : { "pages": [{"entries": [8]}], "entries":[ 1 , {"a":[2]} ], "x":3}} '
    assert [*each_entry(text)] == [1, {"a": [2]}]


def test_a_byte_order_mark_is_no_error(tmp_path: Path, record_har: Record) -> None:
    """Windows writes one."""
    assert record_har(b"\xef\xbb\xbf" + json.dumps(har(entry())).encode()) == 0
    assert files(tmp_path / "out") == ["a.example.http"]
