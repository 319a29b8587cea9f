"""A lab that runs, started by this process or joined: its admin side, the file of its CA, and its end."""

import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from asynclab.connection.admin import Admin, describe, gone
from asynclab.connection.description import Description
from asynclab.connection.gateway import Gateway, NotHttp, Unreachable
from asynclab.connection.process import LabProcess
from asynclab.errors import LabError, NotALab

__tracebackhide__ = True

NEARER_TIMEOUT_S = 1.0
PEM = b"-----BEGIN CERTIFICATE-----"


class RunningLab:
    """A lab that runs. `process`: what is to be ended with it; None for one that was joined."""

    def __init__(self, admin: Admin, process: LabProcess | None = None) -> None:
        self.admin = admin
        self._process = process
        self._lock = threading.Lock()
        self._own_ca: Path | None = None

    def ca_file(self) -> Path:
        """Return the file of the CA's certificate. That of a joined lab is fetched, since it may run elsewhere."""
        known = self.admin.description.ca
        if self._process and known:
            return Path(known)
        with self._lock:
            if self._own_ca is None:
                self._own_ca = written(fetch_ca(self.admin.gateway))
            return self._own_ca

    def close(self) -> None:
        """End the lab if it was started here; leave a joined one as it is."""
        self.admin.gateway.close()
        if self._process:
            self._process.end()
        if self._own_ca:
            with suppress(FileNotFoundError):
                self._own_ca.unlink()


def start_lab(*, port: int, timeout_s: float) -> RunningLab:
    """Start a lab. Raises LabNotStarted or PortTaken."""
    process = LabProcess(port=port)
    try:
        gateway = Gateway(process.description.gateway, timeout_s=timeout_s)
        return RunningLab(Admin(gateway, process.description, why_ended=process.why_ended), process)
    except BaseException:
        process.end()
        raise


def join_lab(url: str, *, timeout_s: float) -> RunningLab:
    """Join a lab that runs. Raises NotALab."""
    gateway = Gateway(url, timeout_s=timeout_s)
    try:
        description = describe(gateway)
        if nearer := gateway_without_forwarder(gateway, description):
            gateway.close()
            gateway = nearer
        return RunningLab(Admin(gateway, description))
    except Unreachable as error:
        raise NotALab(url, str(error)) from error
    except NotALab:
        gateway.close()
        raise


def gateway_without_forwarder(gateway: Gateway, description: Description) -> Gateway | None:
    """Return the same gateway at its own address, if it has another one that can be reached from here.

    Docker publishes a port of 127.0.0.1 by a program that passes a RST on as a FIN (its userland proxy). On Linux, the
    container's address is reached too. Only a lab of this machine is believed, and what answers there has to say the
    same of itself as the gateway that was asked.
    """
    address, identity = description.address, description.identity
    if not (address and identity and gateway.is_loopback and sys.platform == "linux"):
        return None
    with suppress(Unreachable, NotALab):
        found = Gateway(address, timeout_s=min(NEARER_TIMEOUT_S, gateway.timeout_s))
        try:
            is_same = not found.is_loopback and describe(found).identity == identity
        finally:
            found.close()
        return Gateway(address, timeout_s=gateway.timeout_s) if is_same else None
    return None


def written(pem: bytes) -> Path:
    """Return a new temporary file with a certificate. Raises LabError, and leaves no file then."""
    path: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(prefix="asynclab-ca-", suffix=".pem", delete=False) as file:
            path = Path(file.name)
            file.write(pem)
    except OSError as error:
        if path:
            path.unlink(missing_ok=True)
        raise LabError(f"the CA's certificate cannot be written to a file ({error.strerror}): see TMPDIR") from error
    return path


def fetch_ca(gateway: Gateway) -> bytes:
    """Return the certificate of a lab's CA. Raises LabGone or NotALab."""
    try:
        answer = gateway.call("GET", "/ca.pem")
    except Unreachable as error:
        raise gone(gateway.url, str(error)) from error
    except NotHttp as error:
        raise NotALab(gateway.url, str(error)) from error
    if answer.status != 200 or PEM not in answer.body:
        raise LabError(f"the lab at {gateway.url} has no CA to give (status {answer.status}): wait until it is ready")
    return answer.body
