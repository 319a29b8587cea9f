"""TLS as a site speaks it: which ClientHello is answered, with which certificate, and how a connection ends."""

import errno
import socket
import ssl
from pathlib import Path
from typing import NoReturn, cast

import anyio.to_thread
import pytest

from services.sites.tls.authority import Authority
from services.sites.tls.certificate_choice import MAX_HELLO_BYTES
from tests.sites.peer import TIMEOUT_S, Heard, Peer, SecureSocket, listen
from tests.sites.target import KEEP, one_site

pytestmark = pytest.mark.anyio

CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye"
CLOSE = "Connection: close\r\n"

GOODBYES: dict[str, tuple[bytes, dict[str, object], str, bool]] = {
    "as recorded": (CLOSED, {}, "", True),
    "as the client asked": (KEEP, {}, CLOSE, True),
    "after a refusal": (KEEP, {}, "Host: twice\r\n", True),
    "garbage": (KEEP, {"fault": "garbage"}, "", True),
    "http09": (KEEP, {"fault": "http09"}, "", True),
    "fin_at": (KEEP, {"fault": "fin_at", "bytes": 40}, "", False),
    "fin_at, as the client asked": (KEEP, {"fault": "fin_at", "bytes": 40}, CLOSE, False),
    "fin_at, the whole head": (CLOSED, {"fault": "fin_at", "bytes": len(CLOSED) - 3}, "", False),
}


@pytest.mark.parametrize(("raw", "rule", "fields", "said"), GOODBYES.values(), ids=GOODBYES)
async def test_close_notify_comes_before_the_end_unless_the_fault_is_its_lack(
    tmp_path: Path, raw: bytes, rule: dict[str, object], fields: str, said: bool
) -> None:
    """RFC 8446, section 6.1: without it, the peer cannot tell an end from a truncation; that is what `fin_at` is."""
    async with one_site(tmp_path, raw, secure=True) as target:
        await target.set_plan([rule] if rule else [])

        def ask() -> tuple[str, bool]:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get(fields=fields))
                heard = listen(connection, 1 << 62)
                return heard.end, cast("SecureSocket", connection).said_goodbye

        assert await anyio.to_thread.run_sync(ask) == ("fin", said)


async def test_where_no_file_can_be_opened_the_peer_is_told_and_the_log_has_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A lack of this machine's is no mistake of the code's: no traceback; the next connection may do better."""

    def lacks_files(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    async with one_site(tmp_path, secure=True) as target:
        monkeypatch.setattr(Authority, "context", lacks_files)

        def ask() -> None:
            with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
                target.peer.connect()

        await anyio.to_thread.run_sync(ask)
    told = [record for record in caplog.records if record.name == "services.sites.tls.certificate_choice"]
    assert [(each.getMessage(), each.exc_info) for each in told] == [("no certificate: Too many open files", None)]


async def test_fin_at_sends_no_close_notify_to_a_peer_that_ended_first(tmp_path: Path) -> None:
    """The fault is the lack of close_notify, whichever side ends first."""
    async with one_site(tmp_path, secure=True) as target:
        await target.set_plan([{"fault": "delay", "seconds": 0.1, "first": 1}, {"fault": "fin_at", "bytes": 40}])

        def ask() -> tuple[Heard, bool]:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get() * 2)
                connection.shutdown(socket.SHUT_WR)
                return listen(connection, 1 << 62), cast("SecureSocket", connection).said_goodbye

        assert await anyio.to_thread.run_sync(ask) == (Heard(KEEP + KEEP[:40], "fin"), False)


async def test_the_fast_path_sends_close_notify_too(tmp_path: Path) -> None:
    """A known request is answered as any other."""
    async with one_site(tmp_path, secure=True) as target:

        def ask() -> tuple[Heard, bool]:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get(fields=CLOSE))
                return listen(connection, 1 << 62), cast("SecureSocket", connection).said_goodbye

        heard = [await anyio.to_thread.run_sync(ask) for _again in range(3)]
        assert heard == [(Heard(KEEP, "fin"), True)] * 3


def client_hello(size: int) -> bytes:
    """Return records of a ClientHello that says it has so many bytes, and has not one of sense (RFC 8446, 4 and 5)."""
    hello = b"\x01" + size.to_bytes(3, "big") + b"\x03\x03" + bytes(size - 2)
    records = [hello[begin : begin + 0x4000] for begin in range(0, len(hello), 0x4000)]
    return b"".join(b"\x16\x03\x01" + len(each).to_bytes(2, "big") + each for each in records)


async def test_a_client_hello_that_is_too_large_is_not_waited_for(tmp_path: Path) -> None:
    """More than MAX_HELLO_BYTES of it, and the connection ends, however much is said to come."""
    async with one_site(tmp_path, secure=True, head_timeout_s=3600.0) as target:
        plain = Peer(target.peer.address, target.host)
        begun = client_hello(MAX_HELLO_BYTES * 2 - 4)[: MAX_HELLO_BYTES + 1]
        assert await anyio.to_thread.run_sync(plain.ask, begun) == Heard(b"", "fin")
        entry = (await target.ended())[0]
        assert (entry["ended"], entry["sent_bytes"]) == ("bad_handshake", 0)


NAMES = {"none": None, "an address": "127.0.0.1", "another's": "other.test"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_a_client_that_asks_for_no_host_of_the_lab_is_answered_by_the_ports_own(
    tmp_path: Path, name: str | None
) -> None:
    """Old clients send no name (RFC 6066, section 3): a port that has one host has one certificate."""
    async with one_site(tmp_path, secure=True) as target:
        context = target.peer.context
        assert context
        context.check_hostname = False

        def ask() -> tuple[object, bytes]:
            with (
                socket.create_connection(target.peer.address, timeout=TIMEOUT_S) as connection,
                context.wrap_socket(connection, server_hostname=name) as secure,
            ):
                secure.sendall(target.peer.get(fields=CLOSE))
                certificate = secure.getpeercert()
                return certificate and certificate["subjectAltName"], secure.recv(len(KEEP))

        assert await anyio.to_thread.run_sync(ask) == ((("DNS", "keep.test"),), KEEP)
