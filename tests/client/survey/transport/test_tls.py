"""TLS: verified unless told otherwise, and described in the record either way."""

import asyncio
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from services.client.survey.results.certificate import Certificate, read_certificate
from services.client.tls import tls_context
from services.client.topology import Topology
from tests.client.peers import Peer, closing, sends
from tests.client.raw_servers import Connection, beside_loop, server_context, tls_server
from tests.client.survey.hostile import OK, redirects
from tests.client.survey.surveys import record_of, run_client, survey

pytestmark = pytest.mark.usefixtures("transport")

SAMPLE = ssl.PEM_cert_to_DER_cert(
    trustme.CA().issue_cert("a.test", "192.0.2.7", common_name="x").cert_chain_pems[0].bytes().decode()
)
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority of the tests' own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file of its certificate."""
    return certificate_file(authority, tmp_path_factory.mktemp("ca"))


def certificate_file(authority: trustme.CA, directory: Path) -> str:
    """Write an authority's certificate into a file, and return its name."""
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


@asynccontextmanager
async def serving_tls(peer: Peer, context: ssl.SSLContext | None) -> AsyncIterator[Topology]:
    """Serve a peer as https://host, and yield the topology."""
    server = await asyncio.start_server(closing(peer), "127.0.0.1", 0, ssl=context)
    async with server:
        where = server.sockets[0].getsockname()[:2]
        yield Topology({("host", 443): where, ("other", 443): where}, closed=True)


@pytest.fixture
def good(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server with a valid certificate."""
    return context_of(authority.issue_cert("host", not_after=datetime(2049, 12, 31, 12, 0, 0, tzinfo=UTC)))


@pytest.fixture
def below(authority: trustme.CA, tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """Return the context of a server below an intermediate authority, and that one's certificate in a file."""
    intermediate = authority.create_child_ca()
    return context_of(intermediate.issue_cert("host")), certificate_file(intermediate, tmp_path)


@pytest.mark.anyio
async def test_a_session_is_described(good: ssl.SSLContext, ca: str, tmp_path: Path) -> None:
    """Version, cipher, expiry: what people survey TLS for."""
    async with serving_tls(sends(OK), good) as topology:
        record = await record_of("https://host", tmp_path / "out", topology, ca=ca)
    assert (record["error"], record["status"], record["url"]) == (None, 200, "https://host/")
    tls = record["tls"]
    assert (tls["version"], tls["alpn"], tls["error"]) == ("TLSv1.3", "http/1.1", None)
    assert tls["not_after"] == "2049-12-31T12:00:00Z"
    assert tls["not_before"] < "2027"
    assert tls["cipher"].startswith("TLS_")
    assert len(tls["sha256"]) == 64
    assert tls["sans"] == ["host"]
    assert re.fullmatch(r"OU=Testing cert #.*,O=trustme v[0-9.]+", tls["subject"])
    assert re.fullmatch(r"OU=Testing CA #.*,O=trustme v[0-9.]+", tls["issuer"])
    assert record["timings_ms"]["tls"] > 0


@pytest.mark.anyio
async def test_an_intermediate_authority_may_be_all_that_is_trusted(
    below: tuple[ssl.SSLContext, str], tmp_path: Path
) -> None:
    """On every Python, as in curl: its own issuer need not be trusted."""
    context, intermediate = below
    async with serving_tls(sends(OK), context) as topology:
        record = await record_of("https://host", tmp_path / "out", topology, ca=intermediate)
    assert (record["error"], record["status"]) == (None, 200)


def test_a_certificate_need_not_have_what_only_the_newest_python_asks_for() -> None:
    """Such as an Authority Key Identifier: it would be refused in a container, and nowhere else."""
    assert not tls_context().verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "kind", "reason"),
    [
        ("https://host", "unknown", "unable to get local issuer certificate"),
        ("https://other", "good", "Hostname mismatch, certificate is not valid for 'other'."),
        ("https://host", "expired", "certificate has expired"),
    ],
    ids=["unknown issuer", "other name", "expired"],
)
async def test_a_certificate_that_is_not_trusted_is_an_error_or_noted(
    target: str, kind: str, reason: str, authority: trustme.CA, ca: str, tmp_path: Path
) -> None:
    """By default there is no request; --insecure goes on, and still records what was wrong."""
    certificate = {
        "unknown": lambda: trustme.CA().issue_cert("host"),
        "good": lambda: authority.issue_cert("host"),
        "expired": lambda: authority.issue_cert("host", not_before=EXPIRED - timedelta(9), not_after=EXPIRED),
    }[kind]()
    requests = 0

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(OK)

    async with serving_tls(counts, await asyncio.to_thread(context_of, certificate)) as topology:
        refused = await record_of(target, tmp_path / "out", topology, ca=ca)
        assert requests == 0
        taken = await record_of(target, tmp_path / "out", topology, ca=ca, insecure=True)
    assert (refused["error"], refused["tls"]) == ("certificate", None)
    assert reason in refused["detail"]
    assert (taken["error"], taken["status"], taken["attempts"]) == (None, 200, 1)
    assert reason in taken["tls"]["error"]
    if kind == "expired":
        assert taken["tls"]["not_after"] == "2020-01-01T00:00:00Z"


@pytest.mark.anyio
@pytest.mark.parametrize("insecure", [False, True], ids=["verified", "insecure"])
@pytest.mark.parametrize("by_reset", [False, True], ids=["fin", "rst"])
async def test_a_host_that_shows_a_bad_certificate_and_leaves(insecure: bool, by_reset: bool, tmp_path: Path) -> None:
    """The error is that of the certificate; the lost alert ends neither the fetch nor the survey."""
    context = await asyncio.to_thread(context_of, trustme.CA().issue_cert("host"))

    async def shows_and_goes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await reader.read(65_536))
        with suppress(ssl.SSLWantReadError):
            session.do_handshake()
        writer.write(outgoing.read())
        if by_reset:
            connected = writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async with serving_tls(shows_and_goes, None) as topology:
        targets = ["https://host", "https://host", "a b"]
        _, records = await survey(targets, tmp_path / "out", topology, insecure=insecure)
    errors = {record["error"] for record in records[:2]}
    assert errors <= ({"tls", "reset"} if insecure else {"certificate"})
    assert records[2]["error"] == "usage"


@pytest.mark.anyio
async def test_a_redirect_to_a_host_without_a_good_certificate_is_an_error(ca: str, tmp_path: Path) -> None:
    """Each hop is verified; and the TLS of a hop before does not show in the record of one that had none."""
    unknown = await asyncio.to_thread(context_of, trustme.CA().issue_cert("host"))
    async with serving_tls(sends(OK), unknown) as secure:
        server = await asyncio.start_server(closing(redirects("https://host/")), "127.0.0.1", 0)
        async with server:
            routes = {("plain", 80): server.sockets[0].getsockname()[:2]}
            record = await record_of("plain", tmp_path / "out", secure.with_routes(routes), ca=ca, follow=True)
    assert (record["error"], len(record["hops"])) == ("certificate", 1)


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, and send nothing."""
    while await reader.read(1_000):
        pass


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a first byte, and close."""
    await reader.read(1_000)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("peer", "timeout_s", "outcome"),
    [
        (sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 0.3, ("connect_timeout", "no TLS session within 0.3 s")),
        (hangs, 0.3, ("connect_timeout", "no TLS session within 0.3 s")),
        (closes, 30.0, ("tls", "the peer closed the connection during the TLS handshake")),
    ],
    ids=["waits for HTTP", "hangs", "closes"],
)
async def test_a_peer_that_makes_no_session_is_an_error(
    peer: Peer, timeout_s: float, outcome: tuple[str, str], tmp_path: Path
) -> None:
    """The deadline of a connection includes TLS."""
    async with serving_tls(peer, None) as topology:
        record = await record_of("https://host", tmp_path / "out", topology, connect_timeout_s=timeout_s)
    assert (record["error"], record["detail"]) == outcome


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", "closed"), (b"HTTP/1.1 200 OK\r\nServer:", "truncated_head"), (b"SSH-2.0\r\n", "not_http")],
)
async def test_within_tls_a_fault_has_its_usual_name(
    answer: bytes, error: str, good: ssl.SSLContext, ca: str, tmp_path: Path
) -> None:
    """Whether or not the peer says that it closes."""
    async with serving_tls(sends(answer), good) as topology:
        record = await record_of("https://host", tmp_path / "out", topology, ca=ca)
    assert record["error"] == error


@pytest.mark.anyio
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_a_host_that_wants_a_certificate_is_a_tls_error_with_its_alert(version: str, tmp_path: Path) -> None:
    """Though it resets the connection, which may be what sending the request meets; and nothing is tried again."""
    context = await asyncio.to_thread(server_context, "host")
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

    def refuse(connection: Connection) -> None:
        with pytest.raises(ssl.SSLError):
            connection.handshake()
        connection.flush()
        connection.end("rst")

    async with beside_loop(tls_server(context, refuse)) as address:
        topology = Topology({("host", 443): address}, closed=True)
        _, records = await survey(["https://host"] * 20, tmp_path / "out", topology, insecure=True, retries=3)
    alert = {"TLSv1_2": "sslv3 alert handshake failure", "TLSv1_3": "tlsv13 alert certificate required"}[version]
    assert {(each["error"], each["detail"], *each["retried"]) for each in records} == {("tls", alert)}


@pytest.mark.anyio
async def test_a_large_head_comes_through_tls(good: ssl.SSLContext, ca: str, tmp_path: Path) -> None:
    """Many TLS records, of many reads."""
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 250) for n in range(900)) + b"\r\n"
    async with serving_tls(sends(head + b"x" * 500_000), good) as topology:
        record = await record_of("https://host", tmp_path / "out", topology, ca=ca)
    assert len(record["headers"]) == 900


def test_bad_certificates_to_trust_are_exit_3(tmp_path: Path) -> None:
    """Before anything is fetched, in one line."""
    (tmp_path / "bad.pem").write_text("no certificate")
    for name in ("bad.pem", "missing.pem"):
        result = run_client("https://host", "--ca", tmp_path / name)
        assert result.returncode == 3
        assert result.stderr.count(b"\n") == 2
        assert b"client: cannot read '%s" % str(tmp_path).encode() in result.stderr


def test_an_empty_name_does_not_trust_the_systems_certificates() -> None:
    """`--ca "$CA"` with an empty variable is a mistake, and does not mean all authorities of the system."""
    result = run_client("https://host", "--ca", "")
    assert result.returncode == 2
    assert b"client: --ca='' is not a file of certificates" in result.stderr


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x80", b"\x30\x03\x30\x01", b"\x30\x84\xff\xff\xff\xff", b"x" * 9])
def test_a_certificate_that_cannot_be_read_says_nothing(der: bytes) -> None:
    """A server may send anything where nothing is verified."""
    assert read_certificate(der) == Certificate()


def test_dates_of_both_kinds_are_read(authority: trustme.CA) -> None:
    """UTCTime until 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5)."""
    for year in (1999, 2030, 2051):
        begins = datetime(year, 2, 3, 4, 5, 6, tzinfo=UTC)
        leaf = authority.issue_cert("host", not_before=begins, not_after=begins + timedelta(days=1))
        der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        read = read_certificate(der)
        assert (read.not_before, read.not_after) == (f"{year}-02-03T04:05:06Z", f"{year}-02-04T04:05:06Z")


def test_names_of_every_kind_are_read(authority: trustme.CA) -> None:
    """Names and addresses as they are, in the order of the certificate; others say what they are."""
    names = ["host.test", "*.wild.test", "xn--bcher-kva.test", "192.0.2.7", "2001:db8::7", "me@host.test"]
    leaf = authority.issue_cert(
        *names, common_name="a, b+c", organization_name="B\u00fccher", organization_unit_name=" x "
    )
    read = read_certificate(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode()))
    assert read.sans == (*names[:5], "email:me@host.test")
    assert read.subject == "CN=a\\, b\\+c,OU=\\ x\\ ,O=B\u00fccher"
    assert read.issuer
    assert read.issuer.startswith("OU=Testing CA #")


@given(st.data())
def test_a_certificate_that_was_spoilt_ends_nothing(data: st.DataObject) -> None:
    """With any other byte: readable parts are text, and the rest is left out."""
    der = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    read = read_certificate(bytes(der)[: data.draw(st.integers(0, len(der)))])
    json.dumps([read.subject, read.issuer, read.sans, read.not_before, read.not_after])
