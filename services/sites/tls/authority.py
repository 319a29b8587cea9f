"""The lab's certificate authority, and the certificates of its sites: good ones, and those that faults ask for.

The first site to start makes the CA, under a lock; the others find it. Its key stays in a directory that only sites
see, its certificate goes into one that clients see too. Without directories the CA lives in memory, as in the embedded
lab, and is made when it is first needed: the libraries take a while to import.
"""

import fcntl
import os
import ssl
import tempfile
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.runtime.errors import ProgramError
from services.runtime.files.regular import open_without_blocking, read_regular
from services.runtime.serving.memory_pool import MemoryPool
from services.sites.budget import CONTEXT_BYTES

if TYPE_CHECKING:
    import trustme

MAX_PEM_BYTES = 1024 * 1024
CA_FILE = "ca.pem"
KEY_FILE = "ca.key"
MAX_CONTEXTS = 4096
WRONG_NAME = "wrong-name.invalid"
ORGANIZATION = "asynclab"
EXPIRED = datetime(2016, 12, 4, tzinfo=UTC), datetime(2017, 12, 4, tzinfo=UTC)


class AuthorityUnusable(ProgramError):
    """The CA cannot be kept where it is to be."""

    exit_code = 3

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"cannot keep the lab's CA in {directory} ({reason}): make the directory writable or name another"
        )
        self.directory, self.reason = directory, reason


class Authority:
    """Issues certificates, and keeps as many as fit into `pool`, for connections to come.

    Every method but `at_hand` may block for some milliseconds: call it in a thread.
    """

    def __init__(
        self, key_directory: Path | None = None, directory: Path | None = None, *, pool: MemoryPool | None = None
    ) -> None:
        self._key_directory = key_directory
        self._directory = directory
        self._lock = threading.Lock()
        self._pool = pool or MemoryPool("certificates", MAX_CONTEXTS * CONTEXT_BYTES)
        self._ca: trustme.CA | None = None
        self._contexts: OrderedDict[tuple[str, str], ssl.SSLContext] = OrderedDict()

    def certificate(self) -> bytes:
        """Return the CA's certificate, in PEM. Raises AuthorityUnusable where its directories cannot be used."""
        with self._lock:
            return self._get_ca().cert_pem.bytes()

    def at_hand(self, name: str, fault: str = "") -> ssl.SSLContext | None:
        """Return the same, if it is made already; this alone never blocks."""
        return self._contexts.get((name, fault))

    def context(self, name: str, fault: str = "") -> ssl.SSLContext:
        """Return what a site of that name speaks TLS with; `fault`: one of the handshake's, which changes it."""
        with self._lock:
            if (name, fault) not in self._contexts:
                self._contexts[name, fault] = self._make_context(name, fault)
                self._keep_to_the_pool()
            return self._contexts[name, fault]

    def _keep_to_the_pool(self) -> None:
        contexts, pool = self._contexts, self._pool
        while len(contexts) > 1 and (len(contexts) > MAX_CONTEXTS or len(contexts) * CONTEXT_BYTES > pool.limit):
            contexts.popitem(last=False)
        pool.used = len(contexts) * CONTEXT_BYTES

    def _make_context(self, name: str, fault: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0  # no session is resumed here, and a ticket would be bytes that no recording has
        context.set_alpn_protocols(["http/1.1"])
        load_pem(context, self._make_certificate(name, fault))
        return context

    def _make_certificate(self, name: str, fault: str) -> bytes:
        from services.sites.tls import certificates

        match fault:
            case "tls_self_signed":
                return certificates.self_signed(name)
            case "tls_expired":
                return certificates.signed(name, self._get_ca(), valid=EXPIRED)
            case "tls_wrong_name":
                return certificates.signed(WRONG_NAME, self._get_ca())
            case _:
                return certificates.signed(name, self._get_ca())

    def _get_ca(self) -> "trustme.CA":
        if self._ca is None:
            try:
                self._ca = self._find_ca()
            except OSError as error:
                raise AuthorityUnusable(Path(error.filename or ".").parent, error.strerror or str(error)) from error
            except ValueError as error:
                raise AuthorityUnusable(self._key_directory or Path(), f"what is there is no CA: {error}") from error
        return self._ca

    def _find_ca(self) -> "trustme.CA":
        import trustme

        if self._key_directory:
            return shared_ca(self._key_directory, self._directory or self._key_directory)
        ca = trustme.CA(organization_name=ORGANIZATION)
        if self._directory:
            write(self._directory / CA_FILE, ca.cert_pem.bytes(), mode=0o644)
        return ca


def shared_ca(key_directory: Path, directory: Path) -> "trustme.CA":
    """Return the CA whose key is in `key_directory`, made now if there is none; put its certificate in `directory`.

    A `key_directory` that has both is only read: it may be one that cannot be written.
    """
    import trustme

    key_file, ca_file = key_directory / KEY_FILE, key_directory / CA_FILE
    ca = read_ca(key_file, ca_file)
    if ca is None:
        with open(key_directory / "lock", "w", opener=open_without_blocking) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ca = read_ca(key_file, ca_file)
            if ca is None:
                ca = trustme.CA(organization_name=ORGANIZATION)
                write(key_file, ca.private_key_pem.bytes(), mode=0o600)
                write(ca_file, ca.cert_pem.bytes(), mode=0o644)
    write(directory / CA_FILE, ca.cert_pem.bytes(), mode=0o644)
    return ca


def read_ca(key_file: Path, ca_file: Path) -> "trustme.CA | None":
    """Return the CA of these files, None where one is missing. The key is written first, and each file whole."""
    import trustme

    if not (key_file.exists() and ca_file.exists()):
        return None
    return trustme.CA.from_pem(*(read_regular(file, most=MAX_PEM_BYTES) for file in (ca_file, key_file)))


def write(file: Path, data: bytes, *, mode: int) -> None:
    """Put a file in its place whole: a reader sees all of it or none."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as made:
        made.write(data)
        os.fchmod(made.fileno(), mode)
    Path(name).replace(file)


def load_pem(context: ssl.SSLContext, pem: bytes) -> None:
    """Load a key and its certificate, which the ssl module takes from a file only."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
