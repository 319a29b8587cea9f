"""How servers are verified: the same certificates are accepted on every Python, namely those that curl accepts.

Since 3.13, Python by default refuses certificates that lack what only RFC 5280 asks for, and accepts an intermediate
authority as a root if the file of authorities has it; earlier versions do neither.
"""

import ssl


def tls_context(*, ca: str | None = None, insecure: bool = False) -> ssl.SSLContext:
    """Return a context that verifies servers by the system's authorities, by those in the file `ca`, or not at all.

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
