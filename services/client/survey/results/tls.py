"""The description of a TLS session in a record; `certificate` reads the certificate."""

import ssl
from typing import TypedDict

from services.client.survey.results.certificate import read_certificate


class TlsJson(TypedDict):
    """The TLS part of a record; `error` is why a certificate was not trusted, where it was used all the same.

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


def tls_json(session: ssl.SSLObject, error: str | None) -> TlsJson:
    """Return what a record says of a session; `error`: why its certificate was not trusted."""
    import hashlib  # it loads OpenSSL's, which an http URL does not need

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
