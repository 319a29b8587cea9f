"""TLS: whom to trust, and what a record says of a session and its certificate (RFC 5280)."""

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypedDict

from services.client.trust import tls_context
from services.runtime.errors import InputUnreadable

SEQUENCE, CONTEXT_0, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


class TlsJson(TypedDict):
    """What a record says of TLS; `error` is why a certificate was not trusted, where it was used all the same."""

    version: str | None
    cipher: str | None
    alpn: str | None
    not_before: str | None
    not_after: str | None
    sha256: str | None
    error: str | None


class Trust:
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
    not_before, not_after = validity(der) if der else (None, None)
    return TlsJson(
        version=session.version(),
        cipher=cipher[0] if cipher else None,
        alpn=session.selected_alpn_protocol(),
        not_before=not_before,
        not_after=not_after,
        sha256=hashlib.sha256(der).hexdigest() if der else None,
        error=error,
    )


def validity(der: bytes) -> tuple[str | None, str | None]:
    """Return notBefore and notAfter of a certificate; None for what cannot be read.

    `ssl` decodes only certificates that it has verified, and those that it has not are the interesting ones.
    """
    try:
        fields = elements(next(elements(next(elements(der))[1]))[1])
        tag, _ = next(fields)  # [0] version, or the serial number of version 1
        skipped = 3 if tag == CONTEXT_0 else 2
        for _ in range(skipped):  # serial number, signature algorithm, issuer
            next(fields)
        times = elements(next(fields)[1])
        return moment(*next(times)), moment(*next(times))
    except (StopIteration, IndexError, ValueError):
        return None, None


def elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and content of each element of a DER encoding (X.690, section 8.1)."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at : at + octets], "big")
            at += octets
        yield tag, der[at : at + length]
        at += length


def moment(tag: int, text: bytes) -> str:
    """Return a UTCTime or GeneralizedTime (RFC 5280, section 4.1.2.5) as ISO 8601. Raises ValueError."""
    digits = text.decode("ascii")
    if tag == UTC_TIME:
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    elif tag != GENERALIZED_TIME:
        raise ValueError(tag)
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
