"""The TLS contexts of a survey: which authorities are trusted."""

import ssl

from services.client.tls import tls_context
from services.runtime.errors import InputUnreadable


class TLSContexts:
    """The contexts of a survey: one that verifies and, where that is wanted, one that does not."""

    def __init__(self, *, ca: str | None = None, insecure: bool = False) -> None:
        self.insecure = insecure
        self._ca = ca
        self._verifying: ssl.SSLContext | None = None
        self._unverified: ssl.SSLContext | None = None
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

    def unverified(self) -> ssl.SSLContext:
        """Return the context that takes any certificate."""
        if self._unverified is None:
            self._unverified = tls_context(insecure=True)
        return self._unverified
