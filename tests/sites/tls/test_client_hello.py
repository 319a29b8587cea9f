"""A ClientHello is known by its first bytes and read once; it asks for a name or for none."""

import ssl

import pytest

from services.sites.tls.client_hello import ClientHelloReader, NoClientHello

MAX_BYTES = 16 * 1024


def hello_for(name: str | None) -> bytes:
    """Return a ClientHello as OpenSSL sends it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def with_name(name: bytes) -> bytes:
    """Return a ClientHello that asks for a name of these very bytes."""
    placed = b"\0" + len(name).to_bytes(2, "big") + name
    extension = b"\0\0" + (len(placed) + 2).to_bytes(2, "big") + len(placed).to_bytes(2, "big") + placed
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    body += len(extension).to_bytes(2, "big") + extension
    return records(b"\x01" + len(body).to_bytes(3, "big") + body)


def records(message: bytes, size: int = 0x4000) -> bytes:
    """Return a handshake message in records of `size` bytes."""
    pieces = [message[begin : begin + size] for begin in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def message_of(hello: bytes) -> bytes:
    """Return the message in one record."""
    return hello[5:]


@pytest.mark.parametrize(("name", "asked"), [("www.sohu.com", b"www.sohu.com"), (None, None)])
def test_a_client_hello_of_openssl_is_read(name: str | None, asked: bytes | None) -> None:
    """With a name, and without."""
    reader = ClientHelloReader(MAX_BYTES)
    assert reader.feed(hello_for(name))
    assert reader.name() == asked


@pytest.mark.parametrize("record_bytes", [1, 3, 100, 0x4000])
def test_it_is_complete_with_its_last_byte_wherever_it_is_cut(record_bytes: int) -> None:
    """RFC 8446, section 5.1: a message may be cut over records; and TCP cuts records."""
    hello = records(message_of(hello_for("a.test")), record_bytes)
    reader = ClientHelloReader(MAX_BYTES)
    assert [reader.feed(hello[at : at + 1]) for at in range(len(hello))] == [False] * (len(hello) - 1) + [True]
    assert (reader.name(), bytes(reader.raw)) == (b"a.test", hello)


def test_what_comes_after_it_is_kept() -> None:
    """A peer may send more before it gets an answer."""
    hello = hello_for("a.test")
    reader = ClientHelloReader(MAX_BYTES)
    assert reader.feed(hello + b"more")
    assert bytes(reader.raw) == hello + b"more"


NONE = {
    "HTTP": b"G",
    "an alert": b"\x15",
    "not TLS": b"\x16\x02",
    "a record without bytes": b"\x16\x03\x01\0\0",
    "a record of more than 2^14 bytes": b"\x16\x03\x01\x40\x01",
    "another message": b"\x16\x03\x01\0\x01\x02",
    "one that is too large": b"\x16\x03\x01\0\x04\x01\0\x40\0",
}


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_bytes_that_are_no_client_hello_are_refused_at_the_first_wrong_byte(data: bytes) -> None:
    """No further byte is waited for."""
    reader = ClientHelloReader(MAX_BYTES)
    assert not any(reader.feed(data[at : at + 1]) for at in range(len(data) - 1))
    with pytest.raises(NoClientHello):
        reader.feed(data[-1:])


def test_records_of_a_byte_each_are_too_large_sooner() -> None:
    """What is kept is what came, heads of records included."""
    message = b"\x01" + (MAX_BYTES - 4).to_bytes(3, "big") + bytes(MAX_BYTES - 4)
    reader = ClientHelloReader(MAX_BYTES)
    with pytest.raises(NoClientHello):
        reader.feed(records(message, 1)[: MAX_BYTES + 1])


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_fields_that_end_too_soon_are_no_client_hello(cut: int) -> None:
    """Its length is right, and what is in it says more than there is."""
    message = message_of(hello_for("a.test"))[4:-cut]
    reader = ClientHelloReader(MAX_BYTES)
    assert reader.feed(records(b"\x01" + len(message).to_bytes(3, "big") + message))
    with pytest.raises(NoClientHello):
        reader.name()


def test_a_name_is_bytes() -> None:
    """The hosts decide what they mean."""
    reader = ClientHelloReader(MAX_BYTES)
    assert reader.feed(with_name(b"\xff\0\n"))
    assert reader.name() == b"\xff\0\n"
