"""What a fault of `tests.sites.fault_table` does to a client: what comes of it at a site, and what has to."""

import dataclasses
import ssl

import anyio.to_thread
import pytest

from tests.sites.fault_table import Case
from tests.sites.peer import Heard, listen
from tests.sites.target import Target

CERTIFICATES = {"tls_expired": 10, "tls_wrong_name": 62, "tls_self_signed": 18}
"""By fault, the code that OpenSSL gives its refusal."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the client heard, and what the journal says of it."""

    heard: Heard
    fault: object
    sent_bytes: object
    ended: object


def expected_outcome(target: Target, case: Case) -> Outcome:
    """Return what the table says."""
    sent = expected_bytes(target, case)
    heard, ended = Heard(sent, "fin"), "fin"
    if case.end == "rst":
        heard, ended = Heard(sent, "rst"), "rst"
    elif case.end == "silence":
        heard, ended = Heard(sent, "open"), "peer_fin"
    elif is_kept(target, case):
        heard, ended = Heard(sent + target.recording.head + target.recording.body, "open"), "kept"
    return Outcome(heard, case.fault, len(sent), ended)


async def outcome_of(target: Target, case: Case) -> Outcome:
    """Return what comes of one request, while the case's plan is active."""
    await target.set_plan(case.plan)
    heard = await anyio.to_thread.run_sync(ask, target, case)
    entry = (await target.ended())[0]
    return Outcome(heard, entry["fault"], entry["sent_bytes"], entry["ended"])


def ask(target: Target, case: Case) -> Heard:
    """Send a request and read to the end; leave if silence is expected; ask again if the connection is to be kept."""
    peer = target.peer
    if case.fault.startswith("accept"):
        peer = dataclasses.replace(peer, context=None)  # no handshake will come of it
    expected = len(expected_bytes(target, case))
    if case.end == "silence":
        return peer.ask_then_leave(expected)
    if not is_kept(target, case):
        return peer.ask()
    with peer.connect() as connection:
        connection.sendall(peer.get())
        first = listen(connection, expected)
        connection.sendall(peer.get())
        normal = listen(connection, len(target.recording.head + target.recording.body))
        return Heard(first.data + normal.data, normal.end)


def expected_bytes(target: Target, case: Case) -> bytes:
    """Return what the site sends while the fault is there."""
    return case.expected(target.recording.head, target.recording.body)


def is_kept(target: Target, case: Case) -> bool:
    """Whether the connection is there for the next request."""
    return case.end == "kept" or (case.end == "recorded" and target.recording.ending.name == "KEEP")


async def assert_refused_certificate(target: Target, fault: str) -> None:
    """Assert that a client that verifies says in which way the certificate is bad."""
    await target.set_plan([{"fault": fault, "first": 1}])
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        await anyio.to_thread.run_sync(target.peer.ask)
    assert caught.value.verify_code == CERTIFICATES[fault]


def client_hello(target: Target) -> bytes:
    """Return the bytes that begin TLS."""
    assert target.peer.context
    incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        target.peer.context.wrap_bio(incoming, hello, server_hostname=target.host).do_handshake()
    return hello.read()
