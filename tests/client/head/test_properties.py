"""What holds for any bytes, however they are cut: hypothesis looks for the bytes and the cuts."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.client.head import Head, HeadError, HeadReader, Limits, ResponseHead, WholeHeads
from services.client.head.fast_path import KEPT_BYTES, read_clean_head
from services.client.head.line_reader import LineReader
from services.client.head.notes import Notes
from tests.client.head.cases import CASES, ok
from tests.client.head.peers import REFUSED, ask_httptools, ask_us

LIMITS = Limits(max_head=120, max_fields=4, max_interim=2)
PIECES = [
    b"HTTP/1.1", b"HTTP/1.0", b"http/2", b"ICY", b" ", b"  ", b"\t", b"200", b"100", b"103", b"204", b"999", b"OK",
    b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\0", b"\x1b", b"\xe9", b":", b": ", b"A", b"b", b",", b";", b"=", b'"',
    b"Content-Length", b"Transfer-Encoding", b"chunked", b"7", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"A: b\r\n",
    b"HTTP/1.1 103 E\r\n\r\n", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n",
]  # fmt: skip

# Bytes near enough to HTTP to get far, the table's own cases with a piece put in, and any bytes at all.
PIECED = st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)
RESPONSES = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: ok(b"".join(pieces)))
TABLED = st.builds(
    lambda data, at, piece: data[: at % (len(data) + 1)] + piece + data[at % (len(data) + 1) :],
    st.sampled_from([case.data[:500] for case in CASES]),
    st.integers(0, 500),
    st.sampled_from(PIECES),
)
STREAMS = st.one_of(PIECED, RESPONSES, TABLED, st.binary(max_size=60))

# A busy machine is not a slow reader.
PATIENT = settings(deadline=None)

Outcome = tuple[Head, int] | tuple[str, str, int]


def outcome(pieces: Iterable[bytes], *, strict: bool, limits: Limits = LIMITS) -> Outcome:
    """The head and how many of the bytes it took; or the error. Anything else that is raised fails the test."""
    reader = HeadReader(limits=limits, strict=strict)
    fed = 0
    try:
        for piece in pieces:
            fed += len(piece)
            if head := reader.feed(piece):
                return replace(head, rest=b""), fed - len(head.rest)
        reader.eof()
    except HeadError as error:
        return error.kind, error.detail, error.offset
    raise AssertionError("the stream ended, and there was neither a head nor an error")


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The bytes in pieces, some perhaps empty."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@PATIENT
@given(data=STREAMS, places=st.lists(st.integers(0, 600), max_size=8), strict=st.booleans())
@example(data=b" \nHTTP/1.1 200 OK\n\n", places=[1], strict=True)
def test_result_does_not_depend_on_the_cuts(data: bytes, places: list[int], strict: bool) -> None:
    """Heads, anomalies, errors, details and offsets are those of the bytes, not of the packets."""
    whole = outcome([data], strict=strict)
    assert outcome(cut(data, places), strict=strict) == whole
    assert outcome([data[at : at + 1] for at in range(len(data))], strict=strict) == whole


@PATIENT
@given(data=STREAMS)
def test_no_byte_is_lost(data: bytes) -> None:
    """The heads' raw bytes and the rest are what was fed."""
    head = None
    with suppress(HeadError):
        head = HeadReader().feed(data)
    if head is not None:
        assert b"".join(interim.raw for interim in head.interim) + head.raw + head.rest == data


@PATIENT
@given(data=STREAMS, strict=st.booleans())
def test_offsets_are_within_the_bytes(data: bytes, strict: bool) -> None:
    """An error at the end of the stream is just behind its last byte."""
    match outcome([data], strict=strict):
        case Head() as head, _:
            assert all(anomaly.offset in range(len(data)) for anomaly in head.anomalies)
        case _, _, offset:
            assert offset in range(len(data) + 1)


@PATIENT
@given(data=st.one_of(RESPONSES, TABLED))
def test_the_fast_path_and_the_line_reader_agree(data: bytes) -> None:
    """The fast path takes a head only where the line reader notes no departure, and reads the same."""
    limits = Limits(max_fields=4)
    parts = read_clean_head(data, 0, limits)
    if parts is not None:
        reader = LineReader(0, limits, Notes(strict=True))
        assert reader.feed(data, 0) == len(parts[-1])
        assert reader.result() == parts


@PATIENT
@given(data=STREAMS, strict=st.booleans())
def test_a_whole_head_is_what_a_reader_reads(data: bytes, strict: bool) -> None:
    """And where it gives none, a reader has to read; the same bytes give the same again."""
    heads = WholeHeads(LIMITS)
    head = heads.read(data)
    assert head is None or head == HeadReader(limits=LIMITS, strict=strict).feed(data)
    assert heads.read(bytes(bytearray(data))) is head


def test_heads_of_many_bytes_are_not_kept() -> None:
    """What is kept is bounded: a few heads of a few bytes."""
    heads, data = WholeHeads(Limits()), ok(b"A: " + b"b" * KEPT_BYTES)
    assert heads.read(data) == heads.read(data) == HeadReader().feed(data)
    assert heads.read(data) is not heads.read(data)


@PATIENT
@given(data=STREAMS)
def test_strict_is_default_without_departures(data: bytes) -> None:
    """Strict gives the same head where nothing departs, and none where something does."""
    default, strict = outcome([data], strict=False), outcome([data], strict=True)
    if isinstance(default[0], Head):
        assert (strict == default) == (not default[0].anomalies)
    if isinstance(strict[0], Head):
        assert strict == default


@PATIENT
@given(data=st.one_of(PIECED, RESPONSES, TABLED))
def test_strict_refuses_what_llhttp_refuses(data: bytes) -> None:
    """The contract of strict mode; llhttp may only be earlier to say so."""
    if ask_httptools(data) == REFUSED:
        assert ask_us(data, strict=True) in ("refuses", "waits")


@PATIENT
@given(data=STREAMS)
def test_what_is_held_is_bounded(data: bytes) -> None:
    """For any bytes, heads are within their limits."""
    read = outcome([data], strict=False)
    if isinstance(read[0], Head):
        heads: list[ResponseHead] = [*read[0].interim, read[0]]
        assert all(head.head_bytes <= LIMITS.max_head for head in heads)
        assert all(len(head.headers) <= LIMITS.max_fields for head in heads)
        assert len(heads) <= LIMITS.max_interim + 1
