"""TLS, as a layer between the transport and a connection that does not know of it.

The ssl module's in-memory objects are used, and not the loop's TLS transports: what the peer gets is then ours to the
byte, in a handshake that stalls as in a reset after exactly so many bytes. First the ClientHello is waited for, and
read for the name that is asked for (see `client_hello`); the certificate for it is made in a thread, the first time;
then the handshake begins, and the connection has its part of the budget for TLS.
"""

import asyncio
import contextlib
import functools
import logging
import ssl
from time import monotonic

from services.runtime.http import HOST_NAME
from services.sites import journal
from services.sites.budget import FREE_BYTES, SESSION_BYTES
from services.sites.connection.connection import Connection
from services.sites.faults.active import Injection
from services.sites.faults.catalog import Stage
from services.sites.faults.script import Bytes
from services.sites.journal import Exchange
from services.sites.site import Host, Site, State
from services.sites.tls.authority import Authority
from services.sites.tls.client_hello import ClientHelloReader, NoClientHello

GRACE_S = 0.25  # for a handshake to go on before another gets its memory
MAX_HELLO_BYTES = 16 * 1024  # browsers send less than 2 KiB
READ_BYTES = 16 * 1024  # as much as a record holds
BLOCK_BYTES = 4 * 1024  # what OpenSSL is given at once: its buffers grow with that, and never shrink
MAX_REPLIES_BYTES = 4 * 1024  # of OpenSSL's own, to new keys and new handshakes; they wait for the next answer
# Fatal alerts (RFC 8446, section 6.2), before any encryption.
INTERNAL_ERROR = b"\x15\x03\x03\0\x02\x02\x50"  # "such as a memory allocation failure"
UNRECOGNIZED_NAME = b"\x15\x03\x03\0\x02\x02\x70"

log = logging.getLogger(__name__)

MakeContext = asyncio.Future[ssl.SSLContext]


class SecureConnection(Connection):
    """A connection over TLS."""

    __slots__ = (
        "authority",
        "established",
        "hello",
        "incoming",
        "outgoing",
        "session_bytes",
        "strike",
        "tls",
        "unencrypted",
    )
    secure = True

    def __init__(self, site: Site, own: str | None, authority: Authority) -> None:
        super().__init__(site, own)
        self.authority = authority
        self.state = State.HANDSHAKE
        self.hello: ClientHelloReader | None = ClientHelloReader(MAX_HELLO_BYTES)
        self.established = False
        self.strike: Injection | None = None
        self.tls: ssl.SSLObject | None = None
        self.incoming: ssl.MemoryBIO | None = None
        self.outgoing: ssl.MemoryBIO | None = None
        self.session_bytes = 0
        self.unencrypted: memoryview | None = None  # what is left of a write that the peer's system did not take whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a ClientHello."""
        super().connection_made(transport)
        self.put = self.encrypt

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what TLS took."""
        self.give_up_session()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent through TLS, in blocks that leave OpenSSL's buffers small."""
        if self.tls is None:
            self.greet(data)
            return
        for begin in range(0, len(data), BLOCK_BYTES):
            self.receive_block(data[begin : begin + BLOCK_BYTES])

    def receive_block(self, data: bytes) -> None:
        """Go on with the handshake, or with what is said over it.

        What follows the peer's close_notify is ignored (RFC 8446, section 6.1): OpenSSL reads no more of it.
        """
        if self.incoming is None or self.peer_ended or self.transport.is_closing():
            return
        self.incoming.write(data)
        if not self.established:
            self.shake_hands()
        if self.established:
            self.decrypt()

    # The handshake

    def greet(self, data: bytes) -> None:
        """Find out whom the peer wants, and have a certificate made."""
        hello = self.hello
        if self.state is not State.HANDSHAKE or hello is None:
            return
        try:
            if not hello.feed(data):
                if not self.charge_unread(max(0, len(hello.raw) - FREE_BYTES)):
                    self.reject(INTERNAL_ERROR)
                return
            asked = hello.name()
        except NoClientHello:
            self.reject(alert_to(hello.raw))
            return
        name = host_name(asked) if asked else self.own
        host = self.site.hosts.get(name or "") or (self.site.hosts.get(self.own) if self.own else None)
        if host is None:
            self.reject(UNRECOGNIZED_NAME)
        else:
            self.choose(host)

    def choose(self, host: Host) -> None:
        """Let the plan strike, then go on with the certificate that it leaves."""
        self.strike = host.plan.decide(Stage.HANDSHAKE, self.since) if host.plan else None
        if self.strike:
            self.begin(host, self.strike, head=b"")
        fault = self.strike.name if self.strike else ""
        if fault == "tls_stall":
            self.state = State.SILENT
            self.hello = None
            self.drop_unread()
            return
        if not self.take_session():
            self.reject(INTERNAL_ERROR)
            return
        if context := self.authority.at_hand(host.name, fault):
            self.open_session(context)
            return
        self.hold_back()
        making = asyncio.get_running_loop().run_in_executor(None, self.authority.context, host.name, fault)
        making.add_done_callback(self.go_ahead)

    def go_ahead(self, making: MakeContext) -> None:
        """Begin the handshake; without a certificate, say that it is not the peer's fault."""
        failed = None if making.cancelled() else making.exception()
        if isinstance(failed, OSError):  # of the system, as where no file can be opened: the reason says it all
            log.error("no certificate: %s", failed.strerror or failed)
        elif failed:
            log.error("no certificate", exc_info=failed)
        if making.cancelled() or self.state is not State.HANDSHAKE or self.transport.is_closing():
            return
        if failed:
            self.transport.write(INTERNAL_ERROR)
            self.fail(journal.SITE_ERROR)
            return
        self.open_session(making.result())

    def take_session(self) -> bool:
        """Have memory for a session; if need be, that of the peer which has kept its handshake waiting for longest."""
        tls, handshakes = self.site.budget.tls, self.site.handshakes
        oldest = next(iter(handshakes), None) if tls.left < SESSION_BYTES else None
        if oldest and monotonic() - oldest.since > GRACE_S:
            tls.refused += 1
            oldest.make_room()
        if not tls.take(SESSION_BYTES):
            return False
        self.session_bytes = SESSION_BYTES
        handshakes[self] = None
        return True

    def make_room(self) -> None:
        """Leave, so that another can have the session's memory."""
        self.give_up_session()
        self.leave(journal.BAD_HANDSHAKE)

    def give_up_session(self) -> None:
        """Give back what TLS took."""
        self.site.handshakes.pop(self, None)
        self.site.budget.tls.give_back(self.session_bytes)
        self.session_bytes = 0
        self.hello = self.tls = self.incoming = self.outgoing = None

    def open_session(self, context: ssl.SSLContext) -> None:
        """Begin the handshake with what has come so far."""
        came, self.hello = bytes(self.hello.raw) if self.hello else b"", None
        self.charge_unread(0)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.let_in()
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
            self.fail()
            return
        self.flush()
        self.established = True
        self.site.handshakes.pop(self, None)
        if self.strike:  # the peer has accepted a certificate that it should not have
            self.complete(journal.KEPT)
        self.state = State.IDLE

    def reject(self, alert: bytes) -> None:
        """Answer with an alert, or nothing."""
        self.transport.write(alert)
        self.hello = None
        self.fail()

    def fail(self, why: str = journal.BAD_HANDSHAKE) -> None:
        """End a connection on which TLS was not agreed on."""
        if self.exchange is None:
            self.tally = self.site.nobody
            self.enter(Exchange(self.visit, 0, b"", self.own or "", "", 0, self.visit.accepted_s))
        self.complete(why)
        self.linger(politely=False)
        self.why = why

    # Bytes

    def decrypt(self) -> None:
        """Hand on what the peer said."""
        while self.tls is not None and not self.transport.is_closing():
            try:
                data = self.tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                if self.outgoing and self.outgoing.pending > MAX_REPLIES_BYTES:
                    self.leave(journal.BAD_HANDSHAKE)
                return
            except ssl.SSLError:
                self.leave(journal.PEER_RST)
                return
            if not data:
                self.on_close_notify()
                return
            super().data_received(data)

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
            if self.state is State.BLOCKED:
                self.unencrypted = view[begin:]
                return
            self.tls.write(view[begin : begin + READ_BYTES])
            self.flush()

    def unblocked(self) -> None:
        """Send what is left of the write that blocked, before anything else."""
        rest, self.unencrypted = self.unencrypted, None
        if rest is not None and self.state is State.BLOCKED:
            self.state = State.PLAYING
            try:
                self.encrypt(rest)
            except ssl.SSLError:
                log.exception("TLS broke off an answer")
                self.leave(journal.SITE_ERROR)
                return
            if self.is_blocked():
                return
            self.state = State.BLOCKED
        super().unblocked()

    def flush(self) -> None:
        """Send what TLS has to say."""
        if self.outgoing and self.outgoing.pending:
            self.transport.write(self.outgoing.read())

    def end_stream(self, *, politely: bool) -> None:
        """Send close_notify, unless the fault is to leave it out, and FIN."""
        if politely:
            self.send_close_notify()
        super().end_stream(politely=politely)

    def hang_up(self, *, politely: bool) -> None:
        """Send close_notify, unless the fault is to leave it out, and end the stream both ways."""
        if politely:
            self.send_close_notify()
        super().hang_up(politely=politely)

    def send_close_notify(self) -> None:
        """Send close_notify, if TLS was ever agreed on."""
        if self.tls is not None and self.established:
            with contextlib.suppress(ssl.SSLError):  # the peer's own close_notify is yet to come
                self.tls.unwrap()
            self.flush()


def host_name(asked: bytes) -> str | None:
    """Return the name that a ClientHello asks for, as hosts are called; None for what is no host's name."""
    name = asked.decode("latin-1").lower().removesuffix(".")
    return name if HOST_NAME.fullmatch(name) else None


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


def secure_connections(authority: Authority) -> "functools.partial[SecureConnection]":
    """Return what makes a connection over TLS."""
    return functools.partial(SecureConnection, authority=authority)
