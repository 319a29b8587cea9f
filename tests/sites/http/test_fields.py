"""Fields of a head: set as one by one, and read in time for their size, however many there are."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.playable import read_fields
from services.sites.http.headers import set_fields
from services.sites.http.request import RequestReader
from services.sites.replay.recording import read_recording
from services.sites.replay.sidecar import read_sidecar

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


def set_one(head: bytes, name: bytes, value: bytes) -> bytes:
    """Return a head with one field set, by a pattern: slow for many, and plainly right."""
    line = re.compile(rb"(?<=\n)(%s:[ \t]*)[^\r\n]*" % re.escape(name), re.IGNORECASE)
    if line.search(head):
        return line.sub(lambda found: found[1] + value, head, count=1)
    blank = b"\r\n" if head.endswith(b"\r\n") else b"\n"
    return head.removesuffix(blank) + name + b": " + value + blank + blank


NAMES = st.sampled_from([b"A", b"a", b"B", b"A-B", b"Date"])
VALUES = st.sampled_from([b"", b"x", b"\tx ", b":", b"A: y"])
LINES = st.one_of(
    st.builds(
        lambda name, space, value: name + b":" + space + value, NAMES, st.sampled_from([b"", b" ", b"\t "]), VALUES
    ),
    st.sampled_from([b"A", b"A : x", b" A: x", b":", b"A: x\rB: y", b"\xa0A: x", b"A:\r"]),
)
ENDS = st.sampled_from([b"\n", b"\r\n"])


@given(lines=st.lists(st.tuples(LINES, ENDS)), blank=ENDS, fields=st.dictionaries(NAMES, VALUES))
def test_many_fields_are_set_as_one_after_another(
    lines: list[tuple[bytes, bytes]], blank: bytes, fields: dict[bytes, bytes]
) -> None:
    """For any lines of a head, with any line ends."""
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(line + end for line, end in lines) + blank
    expected = head
    for name, value in fields.items():
        expected = set_one(expected, name, value)
    assert set_fields(head, fields) == expected


def many_fields(count: int) -> Callable[[], object]:
    """Return the reading of a recording whose sidecar sets so many fields."""
    said = read_sidecar(b"[fields]\n" + b"".join(b"k%d = ''\n" % number for number in range(count)))
    return lambda: read_recording("a.test", HEAD, said)


def one_field_often(count: int) -> Callable[[], object]:
    """Return the reading of the fields of a head that has one of them so many times."""
    head = b"HTTP/1.1 200 OK\r\n" + b"A: %s\r\n" % (b"x" * 20) * count + b"\r\n"
    return lambda: read_fields(head)


def many_trailers(count: int) -> Callable[[], object]:
    """Return the reading of a recording whose body has so many trailer fields, and no end."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * count
    return lambda: read_recording("a.test", raw)


def many_interim_heads(count: int) -> Callable[[], object]:
    """Return the reading of a recording that begins with so many interim heads."""
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\n" * count + HEAD
    return lambda: read_recording("a.test", raw)


def many_chunks(count: int) -> Callable[[], object]:
    """Return the reading of a request whose body comes in so many chunks."""

    def read() -> None:
        reader = RequestReader()
        reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * count)
        assert reader.next_request() is None
        assert not reader.buffer

    return read


def many_requests(count: int) -> Callable[[], object]:
    """Return the reading of so many requests that came at once."""

    def read() -> None:
        reader = RequestReader()
        reader.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * count)
        for _ in range(count):
            assert reader.next_request()

    return read


READINGS = [many_fields, one_field_often, many_trailers, many_interim_heads, many_chunks, many_requests]


@pytest.mark.parametrize("reading", READINGS)
def test_what_is_read_takes_time_for_its_size_and_not_for_the_square_of_it(
    reading: Callable[[int], Callable[[], object]],
) -> None:
    """Eight times as much may take thirty times as long on a busy machine, but not sixty-four: nothing would reload."""
    small, large = reading(1_000), reading(8_000)
    assert cpu_s(large) < 30 * cpu_s(small)


def cpu_s(work: Callable[[], object]) -> float:
    """Return the least processor time that `work` took, of a few times."""
    taken = []
    for _again in range(5):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)
