"""Alerts before any encryption (RFC 8446, section 6.2), to a peer with which TLS is not agreed on."""

import contextlib
import functools
import ssl

INTERNAL_ERROR = b"\x15\x03\x03\0\x02\x02\x50"  # "such as a memory allocation failure"
UNRECOGNIZED_NAME = b"\x15\x03\x03\0\x02\x02\x70"


def alert_to(data: bytes | bytearray) -> bytes:
    """Return what OpenSSL answers to bytes that are no ClientHello, which may be nothing."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(data)
    with contextlib.suppress(ssl.SSLError):
        nameless_context().wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    return outgoing.read()


@functools.cache
def nameless_context() -> ssl.SSLContext:
    """Return a context without a certificate: no handshake in it ends well."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
