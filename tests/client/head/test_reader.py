"""The head reader against the table: what it reads, what it lists, what it refuses, and where."""

import pytest

from services.client.head import (
    ClosedError,
    Departure,
    Head,
    HeadError,
    HeadReader,
    MalformedHeadError,
    TruncatedHeadError,
)
from tests.client.head.cases import CASES, Case, head, ok

WITH_ANOMALIES = [case for case in CASES if case.anomalies]
WITHOUT = [case for case in CASES if not case.anomalies]


def read(data: bytes, *, strict: bool = False) -> Head:
    """Feed all the bytes at once, then end the stream."""
    reader = HeadReader(strict=strict)
    return reader.feed(data) or reader.eof()


def check(case: Case, *, strict: bool) -> None:
    """Hold one verdict to the table."""
    if case.error is not None:
        with pytest.raises(HeadError) as raised:
            read(case.data, strict=strict)
        assert (raised.value.kind, raised.value.offset) == (case.error, case.offset)
        return
    found = read(case.data, strict=strict)
    assert (found.http_version, found.status, found.reason) == (case.version, case.status, case.reason)
    assert found.headers == case.headers
    assert tuple(interim.status for interim in found.interim) == case.interim
    assert {anomaly.name: anomaly.offset for anomaly in found.anomalies} == case.anomalies
    assert found.rest == case.rest
    assert b"".join(interim.raw for interim in found.interim) + found.raw + found.rest == case.data
    assert found.head_bytes == len(found.raw)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_default_reader_gives_the_verdict_of_the_table(case: Case) -> None:
    """What curl and browsers read is read; every departure is listed at its offset; no byte is lost."""
    check(case, strict=False)


@pytest.mark.parametrize("case", WITHOUT, ids=lambda case: case.name)
def test_strict_reader_agrees_where_nothing_departs(case: Case) -> None:
    """Strict differs from default by departures, and by nothing else."""
    check(case, strict=True)


@pytest.mark.parametrize("case", WITH_ANOMALIES, ids=lambda case: case.name)
def test_strict_reader_names_a_departure(case: Case) -> None:
    """Where the default reader lists something, the strict one refuses, with its name, clause and offset."""
    with pytest.raises(HeadError) as raised:
        read(case.data, strict=True)
    error = raised.value
    assert isinstance(error, MalformedHeadError)
    assert error.departure is not None
    assert case.anomalies[error.departure] == error.offset
    assert error.detail.startswith(f"{error.departure}: ")
    assert error.departure.clause in error.detail


def test_table_shows_every_departure() -> None:
    """A departure that no case shows could vanish unseen."""
    assert {name for case in CASES for name in case.anomalies} == set(Departure)


def test_anomalies_come_in_order_of_offset_with_their_clause() -> None:
    """A reader of the list walks through the head."""
    anomalies = read(b"HTTP/1.1 200\nContent-Length: x\nA : b\n\n").anomalies
    assert [(anomaly.name, anomaly.offset) for anomaly in anomalies] == [
        (Departure.BARE_LF, 12),
        (Departure.MISSING_REASON_SPACE, 12),
        (Departure.CONTENT_LENGTH_INVALID, 13),
        (Departure.WHITESPACE_BEFORE_COLON, 32),
    ]
    assert anomalies[0].clause == "RFC 9112 section 2.2"


def test_not_http_is_known_at_the_first_byte_that_cannot_be() -> None:
    """A peer that speaks another protocol may never send a line end."""
    reader = HeadReader()
    assert reader.feed(b"HT") is None
    with pytest.raises(HeadError, match="cannot begin a status line") as raised:
        reader.feed(b"M")
    assert (raised.value.kind, raised.value.offset) == ("not_http", 2)


def test_malformed_status_line_is_known_at_its_end() -> None:
    """The rest of such a head may never come."""
    reader = HeadReader()
    with pytest.raises(MalformedHeadError):
        reader.feed(b"HTTP/1.1 oops\r\n")


def test_an_error_is_raised_again() -> None:
    """A caller that goes on after the error gets it again, and no head from the middle of the bytes."""
    reader = HeadReader()
    with pytest.raises(HeadError) as first:
        reader.feed(b"<")
    with pytest.raises(HeadError) as again:
        reader.feed(head(b"HTTP/1.1 200 OK"))
    assert again.value is first.value
    with pytest.raises(HeadError) as at_the_end:
        reader.eof()
    assert at_the_end.value is first.value


def test_bytes_after_the_head_are_not_taken() -> None:
    """They are content; to feed them is a mistake of the caller's, and is said to be one."""
    reader = HeadReader()
    found = reader.feed(ok())
    assert reader.eof() is found
    with pytest.raises(RuntimeError, match="not part of it"):
        reader.feed(b"content")


def test_nothing_fed_is_nothing_read() -> None:
    """An empty piece is not the end of the stream, and not a byte."""
    reader = HeadReader()
    assert reader.feed(b"") is None
    with pytest.raises(ClosedError):
        reader.eof()


def test_truncation_says_how_far_it_came() -> None:
    """The detail helps a person to find the server's error."""
    with pytest.raises(TruncatedHeadError, match="after the status line and 1 field lines, after 1 interim"):
        read(b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nC")


def test_error_reads_as_one_line_of_printable_ascii() -> None:
    """It may go to a terminal, and holds bytes of the server."""
    with pytest.raises(HeadError) as raised:
        read(head(b"HTTP/1.1 \x1b[2J\xff"))
    text = str(raised.value)
    assert text.isascii()
    assert text.isprintable()
