"""TLS as a layer, which wraps a connection that does not know of it.

    the loop's transport  <->  TLSProtocol (and its TLSTransport)  <->  Connection

The ssl module's in-memory objects are used, and not the loop's TLS transports: what the peer gets is then known to the
byte, in a handshake that stalls as in a reset after exactly so many bytes. First the ClientHello is waited for, and
read for the name that is asked for (see `client_hello`); the certificate for it is made in a thread, the first time;
then the handshake begins, and the connection has its part of the budget for TLS.

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
from services.sites.budget import FREE_BYTES, SESSION_BYTES
from services.sites.connection.connection import Connection
from services.sites.faults.catalog import Stage
from services.sites.faults.script import Bytes
from services.sites.host import Host
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from services.sites.tls.alerts import INTERNAL_ERROR, UNRECOGNIZED_NAME, alert_to
from services.sites.tls.authority import Authority
from services.sites.tls.client_hello import ClientHelloReader, NoClientHello, host_name
from services.sites.tls.transport import TLSTransport

MAX_HELLO_BYTES = 16 * 1024  # browsers send less than 2 KiB
READ_BYTES = 16 * 1024  # as much as a record holds
BLOCK_BYTES = 4 * 1024  # what OpenSSL is given at once: its buffers grow with that, and never shrink
MAX_REPLIES_BYTES = 4 * 1024  # of OpenSSL's own, to new keys and new handshakes; they wait for the next answer

log = logging.getLogger(__name__)

MakeContext = asyncio.Future[ssl.SSLContext]


class TLSProtocol(asyncio.Protocol):
    """TLS over one transport, for one connection.

    `hello`: the ClientHello, until it is whole. `tls`, with what `incoming` and `outgoing` hold of it, is the session.
    `unencrypted`: what is left of a write that the peer's system did not take whole.
    """

    __slots__ = (
        "authority",
        "connection",
        "established",
        "hello",
        "hello_share",
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
        self.hello: ClientHelloReader | None = ClientHelloReader(MAX_HELLO_BYTES)
        self.hello_share, self.session_share = Share(site.budget.buffers), Share(site.budget.tls)
        self.tls: ssl.SSLObject | None = None
        self.incoming: ssl.MemoryBIO | None = None
        self.outgoing: ssl.MemoryBIO | None = None
        self.established = self.is_paused = self.peer_ended = False
        self.unencrypted: memoryview | None = None

    # The loop's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a ClientHello."""
        self.transport = cast("asyncio.Transport", transport)
        self.connection.connection_made(TLSTransport(self.transport, self.encrypt, self.send_close_notify))
        self.since = self.connection.since

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what TLS took, and forget the connection, so that no garbage collector has to find both."""
        self.give_up_session()
        self.hello_share.release()
        self.unencrypted = None
        self.connection.connection_lost(exc)
        del self.connection

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent through TLS, in blocks that leave OpenSSL's buffers small."""
        if self.tls is None:
            self.read_client_hello(data)
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

    def read_client_hello(self, data: bytes) -> None:
        """Find out which name the peer asks for, and have a certificate made."""
        hello, connection = self.hello, self.connection
        if connection.state is not State.HANDSHAKE or hello is None:
            return
        try:
            if not hello.feed(data):
                if not self.hello_share.resize(max(0, len(hello.raw) - FREE_BYTES)):
                    self.reject(INTERNAL_ERROR)
                return
            asked = hello.name()
        except NoClientHello:
            self.reject(alert_to(hello.raw))
            return
        hosts, own = connection.site.hosts, connection.own
        name = host_name(asked) if asked else own
        host = hosts.get(name or "") or (hosts.get(own) if own else None)
        if host is None:
            self.reject(UNRECOGNIZED_NAME)
        else:
            self.choose_certificate(host)

    def choose_certificate(self, host: Host) -> None:
        """Let the plan choose a fault, then go on with the certificate that it leaves."""
        connection = self.connection
        injection = host.plan.decide(Stage.HANDSHAKE, connection.since) if host.plan else None
        if injection:
            connection.exchanges.begin(host, host.own, injection)
        fault = injection.name if injection else ""
        if fault == "tls_stall":
            self.forget_hello()
            connection.fall_silent()
            return
        if not self.take_session():
            self.reject(INTERNAL_ERROR)
            return
        if context := self.authority.at_hand(host.name, fault):
            self.open_session(context)
            return
        self.transport.pause_reading()
        making = asyncio.get_running_loop().run_in_executor(None, self.authority.context, host.name, fault)
        making.add_done_callback(self.certificate_made)

    def certificate_made(self, making: MakeContext) -> None:
        """Begin the handshake; without a certificate, send the alert `internal_error`."""
        failed = None if making.cancelled() else making.exception()
        if isinstance(failed, OSError):  # of the system, as where no file can be opened: a traceback would add nothing
            log.error("no certificate: %s", failed.strerror or failed)
        elif failed:
            log.error("no certificate", exc_info=failed)
        if making.cancelled() or self.hello is None or self.transport.is_closing():
            return
        self.transport.resume_reading()
        if failed:
            self.transport.write(INTERNAL_ERROR)
            self.forget_hello()
            self.connection.handshake_failed(journal.SITE_ERROR)
            return
        self.open_session(making.result())

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
        self.hello = self.tls = self.incoming = self.outgoing = None

    def forget_hello(self) -> None:
        """Take nothing more of the handshake."""
        self.hello = None
        self.hello_share.release()

    def open_session(self, context: ssl.SSLContext) -> None:
        """Begin the handshake with what has come so far."""
        came = bytes(self.hello.raw) if self.hello else b""
        self.forget_hello()
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

    def reject(self, alert: bytes) -> None:
        """Answer with an alert, or nothing."""
        self.transport.write(alert)
        self.forget_hello()
        self.connection.handshake_failed(journal.BAD_HANDSHAKE)

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
