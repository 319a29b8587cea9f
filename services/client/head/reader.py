"""The head reader: heads in, one after the other, until the final one; its result is the `Head`.

A head that comes whole and shows no departure is read by `fast_path`; any other one by `line_reader`, which keeps its
bytes until it ends. Interim heads (RFC 9110 §15.2) are kept, and the reader goes on to the next head.
"""

from services.client.head.errors import ClosedError, HeadError, HeadTooLargeError, TruncatedHeadError
from services.client.head.fast_path import read_clean_head
from services.client.head.head import Head, HeadParts, ResponseHead, is_interim
from services.client.head.limits import DEFAULT_LIMITS, Limits
from services.client.head.line_reader import LineReader
from services.client.head.notes import Notes


class HeadReader:
    """Reads the head of one response.

    Arguments:
        limits: how much it may take.
        strict: refuse what departs from RFC 9112, rather than read it and list it.
    """

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS, strict: bool = False) -> None:
        self._limits = limits
        self._notes = Notes(strict=strict)
        self._interim: list[ResponseHead] = []
        self._interim_bytes = 0
        self._received = 0
        self._line_reader: LineReader | None = None
        self._head: Head | None = None
        self._error: HeadError | None = None

    def feed(self, data: bytes) -> Head | None:
        """Take the next bytes of the response.

        Returns:
            The final head once it is complete, with what follows it in `rest`; None while more is needed.

        Raises:
            HeadError: there is none in these bytes, whatever follows; and again at every later call.
            RuntimeError: the head has been read already, so the bytes are not part of it.
        """
        if self._head is not None:
            raise RuntimeError("this reader has read its head; these bytes are not part of it")
        if self._error is not None:
            raise self._error
        try:
            self._head = self._read(data)
        except HeadError as error:
            self._error = error
            raise
        return self._head

    def eof(self) -> Head:
        """Note that the stream has ended.

        Returns:
            The head, if it has been read.

        Raises:
            ClosedError: no byte came.
            TruncatedHeadError: some came, but not a whole final head.
            HeadError: the one raised before.
        """
        if self._head is not None:
            return self._head
        if self._error is None:
            self._error = self._ended_early()
        raise self._error

    def _read(self, data: bytes) -> Head | None:
        data_offset, self._received = self._received, self._received + len(data)
        position = 0
        while position < len(data):
            found = self._read_one(data, position, data_offset)
            if found is None:
                break
            parts, position = found
            if not is_interim(parts[1]):
                return Head(*parts, tuple(self._interim), self._notes.anomalies(), data[position:])
            self._keep_interim(ResponseHead(*parts), data_offset + position)
        return None

    def _read_one(self, data: bytes, start: int, data_offset: int) -> tuple[HeadParts, int] | None:
        """Read on in one head; returns it and where in `data` it ends, or None if it does not."""
        if self._line_reader is None:
            clean = read_clean_head(data, start, self._limits)
            if clean is not None:
                return clean, start + len(clean[-1])
            self._line_reader = LineReader(data_offset + start, self._limits, self._notes)
        end = self._line_reader.feed(data, start)
        if end is None:
            return None
        parts, self._line_reader = self._line_reader.result(), None
        return parts, end

    def _keep_interim(self, head: ResponseHead, offset: int) -> None:
        self._interim.append(head)
        self._interim_bytes += head.head_bytes
        if len(self._interim) > self._limits.max_interim:
            raise HeadTooLargeError(f"more than {self._limits.max_interim} interim heads", offset)
        if self._interim_bytes > self._limits.max_head:
            raise HeadTooLargeError(f"the interim heads are larger than {self._limits.max_head} bytes", offset)

    def _ended_early(self) -> HeadError:
        if self._received == 0:
            return ClosedError("the stream ended before any byte came", 0)
        where = self._line_reader.progress() if self._line_reader else "before the status line"
        if self._interim:
            where += f", after {len(self._interim)} interim heads"
        return TruncatedHeadError(f"the stream ended {where}", self._received)
