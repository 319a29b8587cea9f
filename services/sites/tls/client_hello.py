"""A ClientHello, read without I/O and without OpenSSL: when it is whole, and which name it asks for.

A TLS object of OpenSSL's takes forty times the memory of what is read here, and ten thousand peers may begin a
handshake that they never go on with. So none is made before the ClientHello is whole.

RFC 8446: a record (5.1) has a type, a version, and a length of 2^14 at most; a handshake message (4) has a type and
three bytes of length, and may be cut over many records. RFC 6066, section 3: the name is one of its extensions.
"""

from services.runtime.http import HOST_NAME

HANDSHAKE_RECORD = 22
MAX_RECORD_BYTES = 1 << 14
RECORD_HEAD_BYTES, MESSAGE_HEAD_BYTES = 5, 4
CLIENT_HELLO = 1
SERVER_NAME, HOST_NAME_TYPE = 0, 0


class NoClientHello(Exception):
    """These bytes do not begin a handshake, or one that is too large."""


class ClientHelloReader:
    """Takes bytes as they come, until a ClientHello is whole. Each is looked at once, however few come at a time.

    `most`: how many bytes it may have, its records' heads included.
    """

    __slots__ = ("_left", "_message", "_most", "_next", "raw")

    def __init__(self, most: int) -> None:
        self._most = most
        self.raw = bytearray()  # all that has come
        self._message = bytearray()
        self._next = 0  # where in `raw` the next record begins
        self._left = 0  # how many bytes the record has that is not whole

    def feed(self, data: bytes) -> bool:
        """Return whether the ClientHello is whole. Raises NoClientHello."""
        self.raw += data
        while not self._is_whole() and self._next < len(self.raw):
            if self._left:
                piece = self.raw[self._next : self._next + self._left]
                self._message += piece
                self._next += len(piece)
                self._left -= len(piece)
                self._check_message()
            elif not self._read_record_head():
                break
        if len(self.raw) > self._most and not self._is_whole():
            raise NoClientHello
        return self._is_whole()

    def name(self) -> bytes | None:
        """Return the name that is asked for, None where there is none. Raises NoClientHello for malformed bytes."""
        try:
            return asked_name(bytes(self._message))
        except IndexError:
            raise NoClientHello from None

    def _is_whole(self) -> bool:
        message = self._message
        return len(message) >= MESSAGE_HEAD_BYTES and len(message) >= self._announced()

    def _announced(self) -> int:
        return MESSAGE_HEAD_BYTES + int.from_bytes(self._message[1:MESSAGE_HEAD_BYTES], "big")

    def _read_record_head(self) -> bool:
        head = self.raw[self._next : self._next + RECORD_HEAD_BYTES]
        if head[0] != HANDSHAKE_RECORD or (len(head) > 1 and head[1] != 3):
            raise NoClientHello
        if len(head) < RECORD_HEAD_BYTES:
            return False
        self._left = int.from_bytes(head[3:], "big")
        if not 0 < self._left <= MAX_RECORD_BYTES:
            raise NoClientHello
        self._next += RECORD_HEAD_BYTES
        return True

    def _check_message(self) -> None:
        if self._message[0] != CLIENT_HELLO:
            raise NoClientHello
        if len(self._message) >= MESSAGE_HEAD_BYTES and self._announced() > self._most:
            raise NoClientHello


class Fields:
    """A cursor over fields that begin with their length. Raises IndexError where fewer bytes follow than that."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if self.at + size > len(self.data):
            raise IndexError
        taken = self.data[self.at : self.at + size]
        self.at += size
        return taken

    def vector(self, length_bytes: int) -> bytes:
        """Return the next field, whose length comes first."""
        return self.take(int.from_bytes(self.take(length_bytes), "big"))

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self.at < len(self.data)


def asked_name(message: bytes) -> bytes | None:
    """Return the server name that a whole ClientHello asks for (RFC 8446, section 4.1.2). Raises IndexError."""
    hello = Fields(Fields(message[1:]).vector(3))
    hello.take(2 + 32)  # the version and the random
    hello.vector(1)  # the session
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression
    if not hello:  # before TLS 1.3, extensions could be left out
        return None
    extensions = Fields(hello.vector(2))
    while extensions:
        kind, extension = int.from_bytes(extensions.take(2), "big"), extensions.vector(2)
        if kind == SERVER_NAME:
            names = Fields(Fields(extension).vector(2))
            while names:
                name_type, name = names.take(1)[0], names.vector(2)
                if name_type == HOST_NAME_TYPE:
                    return name
    return None


def host_name(asked: bytes) -> str | None:
    """Return the name that a ClientHello asks for, as hosts are named; None for what is no host name."""
    name = asked.decode("latin-1").lower().removesuffix(".")
    return name if HOST_NAME.fullmatch(name) else None
