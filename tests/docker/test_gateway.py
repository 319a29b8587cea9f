"""The gateway in Compose: from the host, by real names; and who may tell a site which client a connection is for."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.compose.stack import Stack
from lab.own_sites import BROUGHT_ALONG
from services.runtime.http import Address
from services.sites.replay.directory import load_recording
from services.sites.settings import RECORDINGS
from tests.sites.peer import Heard, Peer

pytestmark = pytest.mark.docker

HOST = "www.163.com"

SPOOF = """
import socket, sys
with socket.create_connection((sys.argv[1], 80), timeout=10) as connection:
    connection.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 5000 80\\r\\n"
                       b"GET / HTTP/1.1\\r\\nHost: %b\\r\\n\\r\\n" % sys.argv[1].encode())
    print(connection.recv(100).split(b"\\r\\n")[0].decode())
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """The gateway's address on the host, and a file with the lab's certificate."""

    at: Address
    ca: Path

    def curl(self, *words: str) -> str:
        """Return what curl prints through the gateway."""
        command = ["curl", "-sS", "--noproxy", "", "-x", self.at.url, "--cacert", str(self.ca), *words]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("latin-1")


@pytest.fixture(scope="module")
def gateway(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """Return how the gateway is reached from the host."""
    host, _, port = stack.run_compose("port", "gateway", "3128").stdout.strip().rpartition(":")
    at = Address(host, int(port))
    pem = Peer(at, "localhost").ask(b"GET /ca.pem HTTP/1.1\r\nHost: localhost\r\n\r\n").data.partition(b"\r\n\r\n")[2]
    ca = tmp_path_factory.mktemp("gateway") / "ca.pem"
    ca.write_bytes(pem)
    yield Reached(at, ca)
    Reached(at, ca).curl("-X", "DELETE", f"http://{HOST}:8081/faults")


@pytest.mark.parametrize("host", BROUGHT_ALONG)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_host_is_reached_by_its_name(gateway: Reached, scheme: str, host: str) -> None:
    """With the recorded bytes, and a certificate that the lab's authority signed."""
    recording = load_recording(RECORDINGS / f"{host}.http")
    said = gateway.curl("--suppress-connect-headers", "--include", f"{scheme}://{host}/")
    assert said.encode("latin-1") == recording.head + recording.body
    assert gateway.curl(f"http://{BROUGHT_ALONG[host]}:8081/healthz") == gateway.curl(f"http://{host}:8081/healthz")


def test_hello_is_reached_by_its_name(gateway: Reached) -> None:
    """At its port, and at no other."""
    assert gateway.curl("http://hello:8000/hello/you") == "<h1>hello, you!</h1>"
    assert gateway.curl("http://hello/") == "hello has no port 80 in this lab\n"


@pytest.mark.parametrize("name", ["example.com", "localhost", "127.0.0.1", "host.docker.internal", "client", "gateway"])
def test_no_other_name_is_reached(gateway: Reached, name: str) -> None:
    """Whether the engine's resolver knows it or not."""
    assert gateway.curl(f"http://{name}/").startswith(f"'{name}' is not in this lab: it has hello, ")


def test_lab_says_what_there_is(gateway: Reached) -> None:
    """By names: a client on the host reaches them through the gateway alone."""
    said = Peer(gateway.at, "x").ask(f"GET /lab HTTP/1.1\r\nHost: {gateway.at}\r\n\r\n".encode()).data
    lab = json.loads(said.partition(b"\r\n\r\n")[2])
    assert (lab["v"], lab["gateway"], lab["ca"], lab["direct"]) == (1, gateway.at.url, None, False)
    assert set(lab["sites"]) == set(BROUGHT_ALONG)
    assert lab["sites"][HOST]["admin"] == f"http://{HOST}:8081"


def test_the_journal_does_not_name_the_gateway(gateway: Reached, stack: Stack) -> None:
    """The peer is the client as the gateway sees it, over HTTP and over TLS."""
    gateway.curl("-X", "DELETE", f"http://{HOST}:8081/journal")
    for scheme in ("http", "https"):
        gateway.curl(f"{scheme}://{HOST}/")
    entries = json.loads(gateway.curl(f"http://{HOST}:8081/journal?host={HOST}"))["entries"]
    peers = {entry["peer"].rpartition(":")[0] for entry in entries}
    own = stack.run_compose("exec", "-T", "gateway", "hostname", "-i").stdout.split()
    assert len(entries) == 2
    assert own
    assert not peers & set(own)


def test_no_other_container_can_name_a_client(gateway: Reached, stack: Stack) -> None:
    """The line is a bad request there, and the entry has the real peer."""
    gateway.curl("-X", "DELETE", f"http://{HOST}:8081/journal")
    said = stack.run_compose("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", SPOOF, HOST)
    assert said.stdout.strip() == "HTTP/1.1 400 Bad Request"
    (entry,) = json.loads(gateway.curl(f"http://{HOST}:8081/journal"))["entries"]
    assert not entry["peer"].startswith("192.0.2.")


@pytest.mark.parametrize(("fault", "end"), [("fin_at", "fin"), ("rst_at", "rst")])
def test_a_fault_passes_to_the_byte(gateway: Reached, stack: Stack, fault: str, end: str) -> None:
    """At the gateway's own address; the engine's proxy for 127.0.0.1 is not part of the lab."""
    plan = json.dumps({"faults": [{"fault": fault, "bytes": 40}]})
    gateway.curl("-X", "PUT", "-H", "Content-Type: application/json", "-d", plan, f"http://{HOST}:8081/faults/{HOST}")
    container = next(each for each in stack.client().compose.ps() if "gateway" in each.name)
    networks = stack.client().container.inspect(container.id).network_settings.networks or {}
    edge = next(str(network.ip_address) for name, network in networks.items() if name.endswith("edge"))
    request = f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    head = load_recording(RECORDINGS / f"{HOST}.http").head
    assert Peer((edge, 3128), HOST).ask(request) == Heard(head[:40], end)  # type: ignore[arg-type]
    assert Peer(gateway.at, HOST).ask(request).data == head[:40]
    page = Peer((edge, 3128), HOST).ask(f"GET /healthz HTTP/1.1\r\nHost: {edge}:3128\r\n\r\n".encode())
    assert page.data.endswith(b"\r\n\r\nok\n")
