"""TLS as a layer, which wraps a connection that does not know of it.

    the loop's transport  <->  TLSProtocol (and its TLSTransport)  <->  Connection

The ssl module's in-memory objects are used, and not the loop's TLS transports: what the peer gets is then known to the
byte, in a handshake that stalls as in a reset after exactly so many bytes. First the ClientHello is waited for, and the
certificate that answers it is chosen (see `certificate_choice`); then the handshake begins, and the connection has its
part of the budget for TLS.

The connection is there from the start, in its state HANDSHAKE: its deadline, its place among the site's connections and
its journal entry do not depend on how far TLS has come.
"""

import asyncio
import contextlib
import functools
import logging
import ssl
from collections.abc import Callable
from time import monotonic
from typing import cast

from services.runtime.serving.deadlines import GRACE_S
from services.runtime.serving.memory_pool import Share
from services.sites import journal
from services.sites.budget import SESSION_BYTES
from services.sites.connection.connection import Connection
from services.sites.faults.script import Bytes
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from services.sites.tls.authority import Authority
from services.sites.tls.certificate_choice import CertificateChoice
from services.sites.tls.transport import TLSTransport

READ_BYTES = 16 * 1024  # as much as a record holds
BLOCK_BYTES = 4 * 1024  # what OpenSSL is given at once: its buffers grow with that, and never shrink
MAX_REPLIES_BYTES = 4 * 1024  # of OpenSSL's own, to new keys and new handshakes; they wait for the next answer

log = logging.getLogger(__name__)


class TLSProtocol(asyncio.Protocol):
    """TLS over one transport, for one connection.

    `choice`: of the certificate, until that is there. `tls` is the session; `incoming` and `outgoing` are its buffers.
    `unencrypted`: what is left of a write that the peer's system did not take whole.
    """

    __slots__ = (
        "authority",
        "choice",
        "connection",
        "established",
        "incoming",
        "is_paused",
        "outgoing",
        "peer_ended",
        "session_share",
        "since",
        "tls",
        "transport",
        "unencrypted",
    )
    transport: asyncio.Transport

    def __init__(self, site: Site, own: str | None, authority: Authority) -> None:
        self.connection = Connection(site, own, state=State.HANDSHAKE)
        self.authority = authority
        self.since = 0.0
        self.choice: CertificateChoice | None = None
        self.session_share = Share(site.budget.tls)
        self.tls: ssl.SSLObject | None = None
        self.incoming: ssl.MemoryBIO | None = None
        self.outgoing: ssl.MemoryBIO | None = None
        self.established = self.is_paused = self.peer_ended = False
        self.unencrypted: memoryview | None = None

    # The loop's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a ClientHello."""
        self.transport = cast("asyncio.Transport", transport)
        self.choice = CertificateChoice(
            self.connection, self.transport, self.authority, take_session=self.take_session, chosen=self.open_session
        )
        self.connection.connection_made(TLSTransport(self.transport, self.encrypt, self.send_close_notify))
        self.since = self.connection.since

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what TLS took, and forget the connection, so that no garbage collector has to find both."""
        self.give_up_session()
        self.unencrypted = None
        self.connection.connection_lost(exc)
        del self.connection

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent through TLS, in blocks that leave OpenSSL's buffers small."""
        if self.tls is None:
            if self.choice:
                self.choice.feed(data)
            return
        for begin in range(0, len(data), BLOCK_BYTES):
            self.receive_block(data[begin : begin + BLOCK_BYTES])

    def eof_received(self) -> bool:
        """Stay open where the connection still owes an answer."""
        self.peer_ended = True
        return self.connection.eof_received()

    def pause_writing(self) -> None:
        """Encrypt nothing more until the system has taken the last record."""
        self.is_paused = self.established
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        """Go on, first with what is left of the write that did not fit; see ResponseWriter.resume for the delay."""
        self.is_paused = False
        if self.unencrypted is None:
            self.connection.resume_writing()
        else:
            asyncio.get_running_loop().call_soon(self.encrypt_rest)

    # The handshake

    def take_session(self) -> bool:
        """Have memory for a session; if need be, that of the peer which has kept its handshake waiting for longest."""
        handshakes, share = self.connection.site.handshakes, self.session_share
        oldest = next(iter(handshakes), None) if share.pool.left < SESSION_BYTES else None
        if oldest and monotonic() - oldest.since > GRACE_S:
            share.pool.refused += 1
            oldest.make_room()
        if not share.resize(SESSION_BYTES):
            return False
        handshakes[self] = None
        return True

    def make_room(self) -> None:
        """Leave, so that another can have the session's memory."""
        self.give_up_session()
        self.connection.leave(journal.BAD_HANDSHAKE)

    def give_up_session(self) -> None:
        """Give back what the session took."""
        self.connection.site.handshakes.pop(self, None)
        self.session_share.release()
        if self.choice:
            self.choice.end()
        self.choice = self.tls = self.incoming = self.outgoing = None

    def open_session(self, context: ssl.SSLContext, came: bytes) -> None:
        """Begin the handshake with what has come so far."""
        self.choice = None
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.data_received(came)

    def shake_hands(self) -> None:
        """Go on with the handshake, as far as the peer has."""
        if self.tls is None:
            return
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return
        except ssl.SSLError:
            self.flush()
            self.give_up_session()  # what comes from now on has nothing to begin or to be kept in
            self.connection.handshake_failed(journal.BAD_HANDSHAKE)
            return
        self.flush()
        self.established = True
        self.connection.site.handshakes.pop(self, None)
        self.connection.secured()

    # Bytes

    def receive_block(self, data: bytes) -> None:
        """Go on with the handshake, or with the bytes that come over it.

        What follows the peer's close_notify is ignored (RFC 8446, section 6.1): OpenSSL reads no more of it.
        """
        if self.incoming is None or self.peer_ended or self.transport.is_closing():
            return
        self.incoming.write(data)
        if not self.established:
            self.shake_hands()
        if self.established:
            self.decrypt()

    def decrypt(self) -> None:
        """Give the connection what the peer sent."""
        while self.tls is not None and not self.transport.is_closing():
            try:
                data = self.tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                if self.outgoing and self.outgoing.pending > MAX_REPLIES_BYTES:
                    self.connection.leave(journal.BAD_HANDSHAKE)
                return
            except ssl.SSLError:
                self.connection.leave(journal.PEER_RST)
                return
            if not data:
                self.on_close_notify()
                return
            self.connection.data_received(data)

    def on_close_notify(self) -> None:
        """Treat close_notify as the peer's FIN, which it announces."""
        if not self.eof_received():
            self.transport.close()

    def encrypt(self, data: Bytes) -> None:
        """Send bytes, a record at a time: no more of them are encrypted than the peer's system takes."""
        if self.tls is None:
            return
        if len(data) <= READ_BYTES:
            self.tls.write(data)
            self.flush()
            return
        view = memoryview(data)
        for begin in range(0, len(view), READ_BYTES):
            if self.is_paused:
                self.unencrypted = view[begin:]
                return
            self.tls.write(view[begin : begin + READ_BYTES])
            self.flush()

    def encrypt_rest(self) -> None:
        """Send what is left of a write. The peer has taken a record meanwhile, so that its deadline begins anew."""
        rest, self.unencrypted = self.unencrypted, None
        if rest is None:
            return
        self.connection.resume_writing()
        try:
            self.encrypt(rest)
        except ssl.SSLError:
            log.exception("TLS broke off an answer")
            self.connection.leave(journal.SITE_ERROR)

    def flush(self) -> None:
        """Send what OpenSSL has written."""
        if self.outgoing and self.outgoing.pending:
            self.transport.write(self.outgoing.read())

    def send_close_notify(self) -> None:
        """Send close_notify, if TLS was ever agreed on."""
        if self.tls is not None and self.established:
            with contextlib.suppress(ssl.SSLError):  # the peer's own close_notify is yet to come
                self.tls.unwrap()
            self.flush()


def over_tls(authority: Authority) -> Callable[[Site, str | None], TLSProtocol]:
    """Return what makes a connection over TLS."""
    return functools.partial(TLSProtocol, authority=authority)
