"""TLS: which authorities are trusted, and what a record says of a session; `certificate` reads the certificate."""

import hashlib
import ssl
from typing import TypedDict

from services.client.survey.transport.certificate import read_certificate
from services.client.tls import tls_context
from services.runtime.errors import InputUnreadable


class TlsJson(TypedDict):
    """What a record says of TLS; `error` is why a certificate was not trusted, where it was used all the same.

    `subject` and `issuer` are as RFC 4514 writes them, `sans` in the order of the certificate.
    """

    version: str | None
    cipher: str | None
    alpn: str | None
    not_before: str | None
    not_after: str | None
    sha256: str | None
    error: str | None
    subject: str | None
    issuer: str | None
    sans: list[str]


class TLSContexts:
    """The contexts of a survey: one that verifies and, where that is wanted, one that does not."""

    def __init__(self, *, ca: str | None = None, insecure: bool = False) -> None:
        self.insecure = insecure
        self._ca = ca
        self._verifying: ssl.SSLContext | None = None
        self._blind: ssl.SSLContext | None = None
        if ca:
            self.verifying()  # so that a bad file is found before the work begins

    def verifying(self) -> ssl.SSLContext:
        """Return the context that verifies certificates and host names. Raises InputUnreadable."""
        if self._verifying is None:
            try:
                self._verifying = tls_context(ca=self._ca)
            except (OSError, ssl.SSLError) as error:
                reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
                raise InputUnreadable(self._ca or "the system's certificates", reason or str(error)) from error
        return self._verifying

    def blind(self) -> ssl.SSLContext:
        """Return the context that takes any certificate."""
        if self._blind is None:
            self._blind = tls_context(insecure=True)
        return self._blind


def describe(session: ssl.SSLObject, error: str | None) -> TlsJson:
    """Return what is worth knowing of a session."""
    cipher = session.cipher()
    der = session.getpeercert(binary_form=True)
    certificate = read_certificate(der or b"")
    return TlsJson(
        version=session.version(),
        cipher=cipher[0] if cipher else None,
        alpn=session.selected_alpn_protocol(),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        sha256=hashlib.sha256(der).hexdigest() if der else None,
        error=error,
        subject=certificate.subject,
        issuer=certificate.issuer,
        sans=list(certificate.sans),
    )
