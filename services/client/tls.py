"""Whom TLS trusts: the same certificates on every Python, those that curl takes.

From 3.13 on, Python by itself refuses certificates that lack what only RFC 5280 asks for, and takes an intermediate
authority for a root where it is given as one; before, it does neither.
"""

import ssl


def tls_context(*, ca: str | None = None, insecure: bool = False) -> ssl.SSLContext:
    """Return how servers are verified: by the system's authorities, by those in a file, or not at all.

    Raises OSError for a file that cannot be read or holds no certificate (ssl.SSLError is one).
    """
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
