"""TLS, as a layer between the transport and a connection that does not know of it.

The ssl module's in-memory objects are used, and not the loop's TLS transports: what the peer gets is then ours to the
byte, in a handshake that stalls as in a reset after exactly so many bytes. First OpenSSL itself reads the ClientHello
for the name that is asked for; the certificate for it is made in a thread, the first time; then the handshake begins.
"""

import asyncio
import contextlib
import functools
import logging
import ssl
from typing import cast

from services.sites import journal
from services.sites.authority import Authority
from services.sites.connection import Connection
from services.sites.faults.force import Strike
from services.sites.faults.kinds import Stage
from services.sites.journal import Exchange
from services.sites.site import Host, Site, State

READ_BYTES = 256 * 1024
MAX_HELLO_BYTES = 64 * 1024
INTERNAL_ERROR = b"\x15\x03\x03\0\x02\x02\x50"  # a fatal alert (RFC 8446, section 6.2), before any encryption

log = logging.getLogger(__name__)

MakeContext = asyncio.Future[ssl.SSLContext]


class Asking(ssl.SSLObject):
    """A handshake that goes no further than the name."""

    asked: str | None = None
    understood = False


class ServerName:
    """Finds out which name a ClientHello asks for, and goes no further with it."""

    def __init__(self) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = asking_context().wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._tls = cast("Asking", tls)

    @property
    def name(self) -> str | None:
        """The name, once the ClientHello is whole, if it has one."""
        return self._tls.asked

    def feed(self, data: bytes) -> bool:
        """Return whether the ClientHello is whole. Raises ssl.SSLError for what is none."""
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            if not self._tls.understood:
                raise
        return True

    def alert(self) -> bytes:
        """Return the answer to a peer that asks for a name which is not here, or speaks no TLS."""
        return self._outgoing.read()


@functools.cache
def asking_context() -> ssl.SSLContext:
    """Return the context in which every handshake ends at its name."""

    def note(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int:
        asking = cast("Asking", tls)
        asking.asked, asking.understood = name, True
        return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = Asking
    context.sni_callback = note
    return context


class SecureConnection(Connection):
    """A connection over TLS."""

    __slots__ = ("authority", "established", "hello", "incoming", "outgoing", "strike", "tls", "waiting")
    secure = True

    def __init__(self, site: Site, own: str | None, authority: Authority) -> None:
        super().__init__(site, own)
        self.authority = authority
        self.state = State.HANDSHAKE
        self.hello: ServerName | None = ServerName()
        self.waiting = bytearray()
        self.established = False
        self.strike: Strike | None = None
        self.tls: ssl.SSLObject | None = None
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a ClientHello."""
        super().connection_made(transport)
        self.put = self.encrypt

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent through TLS."""
        if self.tls is None:
            self.greet(data)
            return
        self.incoming.write(data)
        if not self.established:
            self.shake_hands()
        if self.established:
            self.decrypt()

    # The handshake

    def greet(self, data: bytes) -> None:
        """Find out whom the peer wants, and have a certificate made."""
        if self.state is not State.HANDSHAKE:
            return
        self.waiting += data
        hello = self.hello
        if hello is None:
            return
        try:
            whole = hello.feed(data)
        except ssl.SSLError:
            self.turn_down(hello)
            return
        if not whole:
            if len(self.waiting) > MAX_HELLO_BYTES:
                self.turn_down(hello)
            return
        self.hello = None
        name = (hello.name or self.own or "").lower().removesuffix(".")
        host = self.site.hosts.get(name) or (self.site.hosts.get(self.own) if self.own else None)
        if host is None:
            self.turn_down(hello)
        else:
            self.choose(host)

    def choose(self, host: Host) -> None:
        """Let the plan strike, then go on with the certificate that it leaves."""
        self.strike = host.plan.strike(Stage.HANDSHAKE, self.since) if host.plan else None
        if self.strike:
            self.begin(host, self.strike, head=b"")
        fault = self.strike.name if self.strike else ""
        if fault == "tls_stall":
            self.state = State.SILENT
            return
        making = asyncio.get_running_loop().run_in_executor(None, self.authority.context, host.name, fault)
        making.add_done_callback(self.go_ahead)

    def go_ahead(self, making: MakeContext) -> None:
        """Begin the handshake with what has come so far; without a certificate, say that it is not the peer's fault."""
        failed = None if making.cancelled() else making.exception()
        if failed:
            log.error("no certificate", exc_info=failed)
        if making.cancelled() or self.state is not State.HANDSHAKE or self.transport.is_closing():
            return
        if failed:
            self.transport.write(INTERNAL_ERROR)
            self.fail(journal.SITE_ERROR)
            return
        self.tls = making.result().wrap_bio(self.incoming, self.outgoing, server_side=True)
        came, self.waiting = bytes(self.waiting), bytearray()
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
            self.fail()
            return
        self.flush()
        self.established = True
        if self.strike:  # the peer has accepted a certificate that it should not have
            self.complete(journal.KEPT)
        self.state = State.IDLE

    def turn_down(self, hello: ServerName) -> None:
        """Answer with an alert."""
        self.transport.write(hello.alert())
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
                return
            except ssl.SSLError:
                self.leave(journal.PEER_RST)
                return
            if not data:
                self.peer_said_goodbye()
                return
            super().data_received(data)

    def peer_said_goodbye(self) -> None:
        """Treat close_notify as the peer's FIN, which it announces."""
        if not self.eof_received():
            self.transport.close()

    def encrypt(self, data: bytes) -> None:
        """Send bytes."""
        if self.tls is not None:
            self.tls.write(data)
            self.flush()

    def flush(self) -> None:
        """Send what TLS has to say."""
        if self.outgoing.pending:
            self.transport.write(self.outgoing.read())

    def end_stream(self, *, politely: bool) -> None:
        """Send close_notify, unless the fault is to leave it out, and FIN."""
        if politely:
            self.say_goodbye()
        super().end_stream(politely=politely)

    def hang_up(self, *, politely: bool) -> None:
        """Send close_notify, unless the fault is to leave it out, and end the stream both ways."""
        if politely:
            self.say_goodbye()
        super().hang_up(politely=politely)

    def say_goodbye(self) -> None:
        """Send close_notify, if TLS was ever agreed on."""
        if self.tls is not None and self.established:
            with contextlib.suppress(ssl.SSLError):  # the peer's own close_notify is yet to come
                self.tls.unwrap()
            self.flush()


def secure_connections(authority: Authority) -> "functools.partial[SecureConnection]":
    """Return what makes a connection over TLS."""
    return functools.partial(SecureConnection, authority=authority)
