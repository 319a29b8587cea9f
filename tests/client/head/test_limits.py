"""What a server may make the reader hold: each limit is reached exactly, and passed by one."""

import time
import tracemalloc

import pytest

from services.client.head import HeadError, HeadReader, HeadTooLargeError, Limits
from tests.client.head.cases import ok

SMALL = Limits(max_head=100, max_fields=3, max_interim=2)
INTERIM = b"HTTP/1.1 103 E\r\n\r\n"


def sized(size: int) -> bytes:
    """A head of exactly so many bytes."""
    return ok(b"A: " + b"x" * (size - len(ok(b"A: "))))


def refusal(data: bytes, limits: Limits = SMALL) -> HeadError:
    """The error that these bytes end in."""
    with pytest.raises(HeadError) as raised:
        HeadReader(limits=limits).feed(data)
    return raised.value


def test_head_as_large_as_the_limit_is_read() -> None:
    """The limit is the largest size that is allowed."""
    head = HeadReader(limits=SMALL).feed(sized(100))
    assert head
    assert head.head_bytes == 100


@pytest.mark.parametrize(
    "data",
    [sized(101), b"HTTP/1.1 200 " + b"x" * 200, b"\n" * 101, ok(b"A: b")[:-2] + b" \n" * 100],
    ids=["clean", "status_line", "leading_lines", "folds"],
)
def test_larger_head_is_refused_at_the_first_byte_too_many(data: bytes) -> None:
    """It does not matter where in the head the bytes are, and whether its end is in sight."""
    error = refusal(data)
    assert (error.kind, error.offset) == ("head_too_large", 100)


def test_endless_head_is_not_held() -> None:
    """Bytes beyond the limit are not copied: the error comes first."""
    data = b"HTTP/1.1 200 " + b"x" * 10_000_000
    tracemalloc.start()
    try:
        assert refusal(data, Limits()).offset == 256 * 1024
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 4 * 256 * 1024


def test_limit_counts_each_head_for_itself() -> None:
    """An interim head does not make the final one smaller."""
    head = HeadReader(limits=SMALL).feed(INTERIM + sized(100))
    assert head
    assert len(head.interim) == 1


def test_fields_up_to_the_limit_are_read() -> None:
    """Folded lines are not fields of their own."""
    head = HeadReader(limits=SMALL).feed(ok(b"A: b", b"A: b", b" c", b"A: b"))
    assert head
    assert len(head.headers) == 3


def test_one_field_more_is_refused_where_it_begins() -> None:
    """A line without a colon is no field, but takes a place like one."""
    for lines in ([b"A: b"] * 4, [b"A"] * 4):
        error = refusal(ok(*lines))
        assert (error.kind, error.offset) == ("head_too_large", len(ok(*lines[:3])) - 2)


def test_interim_heads_are_bounded_in_number() -> None:
    """A server may send 103 for ever; curl would read for ever."""
    assert HeadReader(limits=SMALL).feed(INTERIM * 2 + ok()) is not None
    error = refusal(INTERIM * 3)
    assert isinstance(error, HeadTooLargeError)
    assert error.offset == 3 * len(INTERIM)


def test_interim_heads_are_bounded_in_bytes_together() -> None:
    """So the reader never holds more than twice the limit."""
    large = sized(60).replace(b"200", b"103")
    assert refusal(large * 2).kind == "head_too_large"


def test_defaults_hold_what_real_servers_send() -> None:
    """256 KiB and a thousand fields, the survey's contract."""
    limits = Limits()
    assert (limits.max_head, limits.max_fields, limits.max_interim) == (262_144, 1_000, 16)
    assert HeadReader().feed(ok(*[b"A: b"] * 1_000)) is not None
    assert HeadReader().feed(sized(262_144)) is not None


@pytest.mark.parametrize(
    ("start", "more"),
    [(b"HTTP/1.1 200 OK\r\nA: ", b"x"), (b"", b"\n"), (b"HTTP/1.1 200 OK\nA: b\n", b" \n"), (b"HTTP/1.1 2", b"0\0\r")],
    ids=["one_long_value", "leading_lines", "folds", "status_line"],
)
def test_time_is_linear_where_bytes_come_one_by_one(start: bytes, more: bytes) -> None:
    """A hundred times the bytes take some hundred times as long; looking again at what was seen takes far more."""

    def seconds(size: int) -> float:
        data = start + more * ((size - len(start)) // len(more))
        reader = HeadReader()
        begun = time.process_time()
        for byte in data:
            reader.feed(bytes((byte,)))
        return time.process_time() - begun

    assert seconds(200_000) < 250 * min(seconds(2_000) for _ in range(10))
