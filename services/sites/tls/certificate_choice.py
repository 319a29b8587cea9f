"""The first step of a connection over TLS: from the bytes of its ClientHello to the certificate that answers it.

The name that is asked for decides which host it is (see `client_hello`), and the host's plan whether a fault comes in
between. The certificate is made in a thread, the first time. What becomes of it is `protocol`'s.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable

from services.runtime.serving.memory_pool import Share
from services.sites import journal
from services.sites.budget import FREE_BYTES
from services.sites.connection.connection import Connection
from services.sites.faults.catalog import Stage
from services.sites.host import Host
from services.sites.states_and_deadlines import State
from services.sites.tls.alerts import INTERNAL_ERROR, UNRECOGNIZED_NAME, alert_to
from services.sites.tls.authority import Authority
from services.sites.tls.client_hello import ClientHelloReader, NoClientHello, host_name

MAX_HELLO_BYTES = 16 * 1024  # browsers send less than 2 KiB

log = logging.getLogger(__name__)

MakeContext = asyncio.Future[ssl.SSLContext]
Chosen = Callable[[ssl.SSLContext, bytes], None]
"""Gets the certificate, and the bytes that the peer has sent so far."""


class CertificateChoice:
    """Reads the ClientHello of one connection, and chooses. `hello`: None once nothing more of it is waited for.

    `take_session`: takes memory for a session, and returns whether there was enough.
    """

    __slots__ = ("_authority", "_chosen", "_connection", "_share", "_take_session", "_transport", "hello")

    def __init__(
        self,
        connection: Connection,
        transport: asyncio.Transport,
        authority: Authority,
        *,
        take_session: Callable[[], bool],
        chosen: Chosen,
    ) -> None:
        self._connection, self._transport, self._authority = connection, transport, authority
        self._take_session, self._chosen = take_session, chosen
        self._share = Share(connection.site.budget.buffers)
        self.hello: ClientHelloReader | None = ClientHelloReader(MAX_HELLO_BYTES)

    def feed(self, data: bytes) -> None:
        """Find out which name the peer asks for, and have a certificate made."""
        hello, connection = self.hello, self._connection
        if connection.state is not State.HANDSHAKE or hello is None:
            return
        try:
            if not hello.feed(data):
                if not self._share.resize(max(0, len(hello.raw) - FREE_BYTES)):
                    self._reject(INTERNAL_ERROR)
                return
            asked = hello.name()
        except NoClientHello:
            self._reject(alert_to(hello.raw))
            return
        hosts, own = connection.site.hosts, connection.own
        name = host_name(asked) if asked else own
        host = hosts.get(name or "") or (hosts.get(own) if own else None)
        if host is None:
            self._reject(UNRECOGNIZED_NAME)
        else:
            self._choose(host)

    def end(self) -> None:
        """Take nothing more of the ClientHello."""
        self.hello = None
        self._share.release()

    def _choose(self, host: Host) -> None:
        """Let the plan choose a fault, then go on with the certificate that it leaves."""
        connection = self._connection
        injection = host.plan.decide(Stage.HANDSHAKE, connection.since) if host.plan else None
        if injection:
            connection.exchanges.begin(host, host.own, injection)
        fault = injection.name if injection else ""
        if fault == "tls_stall":
            self.end()
            connection.fall_silent()
            return
        if not self._take_session():
            self._reject(INTERNAL_ERROR)
            return
        if context := self._authority.at_hand(host.name, fault):
            self._finish(context)
            return
        self._transport.pause_reading()
        making = asyncio.get_running_loop().run_in_executor(None, self._authority.context, host.name, fault)
        making.add_done_callback(self._made)

    def _made(self, making: MakeContext) -> None:
        """Go on; without a certificate, send the alert `internal_error`."""
        failed = None if making.cancelled() else making.exception()
        if isinstance(failed, OSError):  # of the system, as where no file can be opened: a traceback would add nothing
            log.error("no certificate: %s", failed.strerror or failed)
        elif failed:
            log.error("no certificate", exc_info=failed)
        if making.cancelled() or self.hello is None or self._transport.is_closing():
            return
        self._transport.resume_reading()
        if failed:
            self._reject(INTERNAL_ERROR, reason=journal.SITE_ERROR)
        else:
            self._finish(making.result())

    def _finish(self, context: ssl.SSLContext) -> None:
        came = bytes(self.hello.raw) if self.hello else b""
        self.end()
        self._chosen(context, came)

    def _reject(self, alert: bytes, *, reason: str = journal.BAD_HANDSHAKE) -> None:
        """Answer with an alert, or nothing."""
        self._transport.write(alert)
        self.end()
        self._connection.handshake_failed(reason)
