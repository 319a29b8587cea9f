"""Records in each format: complete in jsonl and raw, and without control characters and formulas elsewhere."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.head import HeadReader
from services.client.head.fast_path import KEPT_BYTES
from services.client.head.to_json import head_to_json
from services.client.survey.results.formats import FORMATS, error_line
from services.client.survey.results.record import Record, json_line

HOSTILE = b'HTTP/1.1 200 \x1b[2J\r\nX: a\x9b\x07b\r\nX-Json: ", \\u0001 \\\\ [\r\nA: =1+1\r\n\r\n'


def record_with(raw: bytes, **more: Any) -> Record:
    """Return the record of a head."""
    return Record(1, "host", "asyncio", url="http://host:81/", ip="127.0.0.1", head=HeadReader().feed(raw), **more)


FIELD = st.tuples(
    st.text("abcXYZ-!#", min_size=1), st.binary(max_size=30).filter(lambda value: not set(value) & set(b"\r\n"))
)


@given(st.lists(FIELD, max_size=5), st.binary(max_size=10).filter(lambda value: not set(value) & set(b"\r\n")))
def test_the_json_line_says_what_the_reader_read(fields: list[tuple[str, bytes]], reason: bytes) -> None:
    """For any bytes, the hand-made line has the same members as the plain encoding of the head."""
    lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields)
    record = record_with(b"HTTP/1.1 200 " + reason + b"\r\n" + lines + b"\r\n")
    line = json_line(record)
    assert line.isascii()
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    read = json.loads(line)
    assert record.head
    expected = dict(head_to_json(record.head))
    del expected["head_bytes"]
    assert {name: read[name] for name in expected} == expected


@pytest.mark.parametrize("size", [10, KEPT_BYTES], ids=["kept", "made anew"])
def test_each_head_has_its_own_members(size: int) -> None:
    """Those of equal heads are kept, and never taken for those of another head."""
    for value in (b"a" * size, b"b" * size, b"a" * size):
        line = json_line(record_with(b"HTTP/1.1 200 OK\r\nA: " + value + b"\r\n\r\n"))
        assert json.loads(line)["headers"] == [["A", value.decode()]]


@pytest.mark.parametrize("value", [b"a\0b", b"a\rb", b"a\x1b[2J", b"a\r\n b", b"\xff\x80\x01"])
def test_every_byte_of_an_odd_head_is_in_its_record(value: bytes) -> None:
    """Where the reader had to make sense of it, as of a NUL or a folded line."""
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: " + value + b"\r\n\r\n"
    assert json.loads(json_line(record_with(raw)))["raw"].encode("latin-1") == raw


def test_a_plain_head_is_not_written_twice() -> None:
    """Its fields say all."""
    assert json.loads(json_line(record_with(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")))["raw"] is None


@pytest.mark.parametrize("value", [rb"\u0001", rb"\\u0002", rb"a\u0001b\u0002\\"])
def test_a_value_cannot_pretend_to_be_several(value: bytes) -> None:
    """The hand-made line is taken apart at what no value can hold, not at what looks like it."""
    record = record_with(b"HTTP/1.1 200 OK\r\nA: " + value + b"\r\nB: c\r\n\r\n")
    assert json.loads(json_line(record))["headers"] == [["A", value.decode()], ["B", "c"]]


def test_a_record_without_a_head_has_the_same_members() -> None:
    """Lists are empty, other values are null."""
    with_head = json.loads(json_line(record_with(HOSTILE)))
    without = json.loads(json_line(Record(7, "a\x00\udcff", "uvloop", error="usage", detail="x")))
    assert list(without) == list(with_head)
    assert (without["headers"], without["status"], without["target"]) == ([], None, "a\x00\udcff")
    assert without["timings_ms"] == dict.fromkeys(["dns", "connect", "tls", "head", "total"])


def test_times_are_milliseconds() -> None:
    """Three decimals: microseconds are noise."""
    line = json_line(record_with(HOSTILE, dns_s=0.0123456, total_s=1.5))
    assert json.loads(line)["timings_ms"] == {"dns": 12.346, "connect": None, "tls": None, "head": None, "total": 1500}


def test_raw_has_the_bytes_that_came() -> None:
    """Interim heads first."""
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert FORMATS["raw"].ended(record_with(interim + HOSTILE + b"body")) == interim + HOSTILE


def test_human_lines_are_the_tutorials() -> None:
    """Host, and a port that is not the usual one; controls escaped."""
    assert FORMATS["human"].begun("host") == b"wget host...\n"
    assert FORMATS["human"].ended(record_with(HOSTILE)).decode().splitlines() == [
        "host:81 header > HTTP/1.1 200 \\x1b[2J",
        "host:81 header > X: a\\x9b\\x07b",
        'host:81 header > X-Json: ", \\u0001 \\\\ [',
        "host:81 header > A: =1+1",
    ]
    failed = Record(1, "ho\x1bst", "asyncio", error="dns", detail="no\nsuch")
    assert FORMATS["human"].ended(failed) == b""
    assert error_line(failed) == "wget ho\\x1bst: dns: no\\x0asuch"


@pytest.mark.parametrize(("raw", "lines"), [(b"HTTP/1.1 200 OK\nA: b\n\n", 2), (b"HTTP/1.0 200 OK\r\n\r\n", 1)])
def test_human_lines_end_where_the_heads_do(raw: bytes, lines: int) -> None:
    """Also with bare LF, and where there is no field."""
    assert FORMATS["human"].ended(record_with(raw)).count(b"\n") == lines


def test_human_lines_are_whole() -> None:
    """Of a line's end only spaces and tabs are left out: not the second byte of an à, and no control."""
    raw = b"HTTP/1.1 200 OK\r\nA: voil\xc3\xa0 \t\r\nB: \x1f\r\n\r\n"
    assert FORMATS["human"].ended(record_with(raw)).decode().splitlines() == [
        "host:81 header > HTTP/1.1 200 OK",
        "host:81 header > A: voil\xc3\xa0",
        "host:81 header > B: \\x1f",
    ]


def test_csv_is_a_table_that_nothing_escapes_from() -> None:
    """Each record one row, controls escaped, no cell that a spreadsheet takes for a formula."""
    record = record_with(b'HTTP/1.1 200 =cmd|x\r\nX: a\x1b"b,\r\n c\r\n\r\n')
    failed = Record(2, '-a"b\n', "asyncio", error="usage", detail="@x")
    text = FORMATS["csv"].opening + FORMATS["csv"].ended(record) + FORMATS["csv"].ended(failed)
    assert not set(range(0x20)) - {0x0A} & set(text)
    first, second = csv.DictReader(io.StringIO(text.decode()))
    assert (first["status"], first["reason"], first["anomalies"]) == ("200", "'=cmd|x", "control_byte obs_fold")
    assert json.loads(first["headers"]) == [["X", 'a\x1b"b, c']]
    assert (second["target"], second["error"], second["detail"], second["status"]) == (
        "'-a\"b\\x0a",
        "usage",
        "'@x",
        "",
    )
