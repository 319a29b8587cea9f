"""Which container reaches which: containers of the lab reach one another, the host reaches published ports only.

Each container tries by itself, as an attacker in it would, and the host tries each container. SECURITY.md says what is
promised; what is promised of `gateway`, the one container that the host can reach, is less, and is here too.
"""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.compose.stack import Stack
from tests.docker.isolation import reach
from tests.docker.isolation.reach import Answer, Place, Question
from tests.stacks import image_of

PROGRAM = Path(reach.__file__).read_text("utf-8")
CLOSED_OFF = ("broker", "client", "hello", "sina", "sohu", "netease", "recorded", "watch", "worker")
REACHED = ["broker", "hello", "gateway", "sina", "sohu", "netease", "recorded", "page"]
WITHOUT_BROKER = ("hello", "gateway", "sina", "sohu", "netease", "recorded")
PORTS = [80, 443, 3128, 4222, 8000, 8080, 8081, 8222]
NETWORKS = ("lab", "jobs")
ELSEWHERE = ["203.0.113.1", "2001:db8::1"]  # of documentation: nothing answers there, and a packet does no harm
NAMES = ["host.docker.internal", "gateway.docker.internal", "example.org", socket.gethostname()]
STRANGER = "asynclab-test-stranger"

pytestmark = pytest.mark.timeout(120)  # a fixture asks ten containers


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: its addresses, and a port on which it answers TCP and UDP at all of them."""

    ipv4: list[str]
    ipv6: list[str]
    port: int


@pytest.fixture(scope="module")
def host(stack: Stack) -> Iterator[Host]:
    """Answer on every address of this machine, once the lab's networks are there."""
    with ExitStack() as opened:
        port = opened.enter_context(socket.create_server(("0.0.0.0", 0))).getsockname()[1]  # noqa: S104 - every one
        echoes = [datagrams(socket.AF_INET, "0.0.0.0", port)]  # noqa: S104
        if socket.has_ipv6:
            opened.enter_context(socket.create_server(("::", port), family=socket.AF_INET6))
            echoes.append(datagrams(socket.AF_INET6, "::", port))
        ended = threading.Event()
        for each in echoes:
            opened.enter_context(each)
            thread = threading.Thread(target=echo, args=(each, ended))
            thread.start()
            opened.callback(thread.join)
        opened.callback(ended.set)
        host = Host(addresses_of("/proc/net/fib_trie"), addresses_of("/proc/net/if_inet6"), port)
        for address in host.ipv4:
            assert reach.is_reached(Place(address, port, "tcp")), address
            assert reach.is_reached(Place(address, port, "udp")), address
        yield host


def datagrams(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """Return a socket for datagrams."""
    made = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.settimeout(0.1)
    made.bind((address, port))
    return made


def echo(datagrams: socket.socket, ended: threading.Event) -> None:
    """Send every datagram back to its sender, where there is a route."""
    while not ended.is_set():
        with suppress(OSError):
            data, sender = datagrams.recvfrom(100)
            datagrams.sendto(data, sender)


def addresses_of(table: str) -> list[str]:
    """Return this machine's addresses of a kind, but for loopback, as the kernel lists them."""
    text = Path(table).read_text("ascii")
    if "inet6" in table:
        words = [line.split()[0] for line in text.splitlines() if not line.endswith(" lo")]
        return sorted({socket.inet_ntop(socket.AF_INET6, bytes.fromhex(word)) for word in words})
    found = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", text)
    return sorted({address for address in found if not address.startswith("127.")})


def ask(stack: Stack, service: str, question: Question) -> Answer:
    """Run `reach.py` in a container, and return its answer."""
    words = ("python3", "-c", PROGRAM, json.dumps(question))
    if service == "client":
        done = stack.run_compose("run", "--rm", "-T", "--entrypoint", words[0], service, *words[1:])
    else:
        done = stack.run_compose("exec", "-T", service, *words)
    assert done.returncode == 0, done.stderr
    reached, names, inet6 = json.loads(done.stdout)
    return Answer([Place(*place) for place in reached], names, inet6)


def ask_all(stack: Stack, services: Sequence[str], question: Question) -> Mapping[str, Answer]:
    """Ask the same in several containers at the same time, since a question mostly waits; return their answers."""
    with ThreadPoolExecutor(len(services)) as pool:
        return dict(zip(services, pool.map(lambda service: ask(stack, service, question), services), strict=True))


def where(stack: Stack) -> dict[tuple[str, str], str]:
    """Return the address of each container, by service and network."""
    return {
        (str((container.config.labels or {})["com.docker.compose.service"]), name.removeprefix(f"{stack.project}_")): (
            str(network.ip_address)
        )
        for container in stack.client().compose.ps()
        for name, network in (container.network_settings.networks or {}).items()
    }


def bridges_of(stack: Stack) -> list[str]:
    """Return the addresses that the bridges of the lab's networks would have, had they some."""
    networks = [stack.client().network.inspect(f"{stack.project}_{name}") for name in NETWORKS]
    return [str((network.ipam.config or [])[0]["Gateway"]) for network in networks]


@pytest.fixture(scope="module")
def beyond_the_lab(stack: Stack, host: Host) -> Mapping[str, Answer]:
    """Return what each container reaches of the host, and of what is behind it."""
    addresses = [*host.ipv4, *host.ipv6, *bridges_of(stack), *ELSEWHERE]
    return ask_all(stack, [*CLOSED_OFF, "gateway"], Question(addresses, [host.port], NAMES))


@pytest.mark.parametrize("service", CLOSED_OFF)
def test_a_container_reaches_neither_the_host_nor_anything_behind_it(
    beyond_the_lab: Mapping[str, Answer], service: str
) -> None:
    """By no address, over IPv4 or IPv6, TCP or UDP, with and without routes; and other names have no address."""
    assert beyond_the_lab[service] == Answer(reached=[], names=[], inet6=[])


def test_the_gateway_reaches_of_all_that_is_not_the_lab_only_the_host(
    beyond_the_lab: Mapping[str, Answer], host: Host
) -> None:
    """Its port is published, so it reaches the host's bridge over IPv4, and nothing behind it."""
    answer = beyond_the_lab["gateway"]
    assert {place.address for place in answer.reached} <= set(host.ipv4)
    assert (answer.names, answer.inet6) == ([], [])


@pytest.fixture(scope="module")
def inside_the_lab(stack: Stack) -> Mapping[str, Answer]:
    """Return what the containers that are in both networks reach of the others."""
    return ask_all(stack, ["client", "worker"], Question(REACHED, PORTS, REACHED, of_the_lab=True))


@pytest.mark.parametrize("service", ["client", "worker"])
def test_containers_reach_each_other(inside_the_lab: Mapping[str, Answer], service: str) -> None:
    """The same program reaches every port of a service, and no other: so it would find an open way."""
    answer = inside_the_lab[service]
    site_ports = {(site, port) for site in ("sina", "sohu", "netease") for port in (80, 443, 8081)}
    assert {(place.address, place.port) for place in answer.reached if not place.device} == {
        ("broker", 4222),
        ("broker", 8222),
        ("hello", 8000),
        ("gateway", 8000),
        ("gateway", 8080),
        ("page", 8080),
        ("gateway", 3128),
        ("recorded", 8081),  # it has no host yet, and so no other port
        *site_ports,
    }
    assert answer.names == REACHED


@pytest.fixture(scope="module")
def towards_the_broker(stack: Stack) -> Mapping[str, Answer]:
    """Return what those that need no broker reach of it."""
    containers = where(stack)
    addresses = [containers[name] for name in (("broker", "jobs"), ("worker", "jobs"), ("worker", "lab"))]
    return ask_all(stack, WITHOUT_BROKER, Question(addresses, [4222, 8222], ["broker"]))


@pytest.mark.parametrize("service", WITHOUT_BROKER)
def test_only_clients_workers_and_watch_reach_the_broker(
    towards_the_broker: Mapping[str, Answer], service: str
) -> None:
    """Neither by its name nor by its address, nor through a worker, whose address in both networks is tried."""
    assert towards_the_broker[service] == Answer(reached=[], names=[], inet6=[])


def test_the_broker_reaches_no_service(stack: Stack) -> None:
    """It is in the network of jobs alone, and in that network nothing else listens."""
    addresses = [address for (service, _), address in where(stack).items() if service != "broker"]
    answer = ask(stack, "broker", Question(addresses, PORTS, ["hello", "sina", "www.163.com", "gateway"]))
    assert answer == Answer(reached=[], names=[], inet6=[])


def test_the_host_reaches_no_container_but_the_gateway(stack: Stack) -> None:
    """Not even through the bridges of the lab's networks; and of the gateway only the published ports."""
    containers = where(stack)
    addresses = list(containers.values())
    bridges = [f"br-{stack.client().network.inspect(f'{stack.project}_{name}').id[:12]}" for name in NETWORKS]
    question = Question(addresses, PORTS, [], of_the_lab=True)
    reached = reach.answer(question, devices=bridges, at_once=1_000).reached
    assert sorted(reached) == [Place(containers["gateway", "edge"], port, "tcp") for port in (3128, 8000, 8080)]


def test_a_container_of_another_network_reaches_none_of_the_lab(stack: Stack, published_port: int) -> None:
    """Neither by address, nor by name, nor through the published port."""
    client = stack.client()
    network = client.network.create(STRANGER)
    try:
        bridge = str((network.ipam.config or [])[0]["Gateway"])
        inside = Question(
            list(where(stack).values()), PORTS, ["hello", "sina", "www.163.com", "broker"], of_the_lab=True
        )
        published = Question([bridge, *addresses_of("/proc/net/fib_trie")], [published_port], [], of_the_lab=True)
        for question in (inside, published):
            said = client.run(
                image_of(stack, "client"),
                ["-c", PROGRAM, json.dumps(question)],
                entrypoint="python3",
                networks=[network],
                remove=True,
            )
            assert json.loads(str(said))[:2] == [[], []]
    finally:
        network.remove()


@pytest.fixture(scope="module")
def published_port(stack: Stack) -> int:
    """Return the port of this machine by which hello is reached."""
    return int(stack.run_compose("port", "gateway", "8000").stdout.rpartition(":")[2])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "LOCALHOST.:8000"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:8000"}, 421),
        ({"Host": "sina:8081"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/hello/x", "/metrics"])
def test_the_published_port_answers_to_names_of_this_machine_only(
    published_port: int, path: str, fields: dict[str, str], status: int
) -> None:
    """A web page reaches hello neither by another name nor from another origin."""
    with closing(http.client.HTTPConnection("127.0.0.1", published_port, timeout=10)) as connection:
        connection.request("GET", path, headers=fields)
        assert connection.getresponse().status == status


ADMIN = """
import http.client, json, socket, sys
def status(host):
    connection = http.client.HTTPConnection("sina", 8081, timeout=10)
    connection.request("DELETE", "/faults", headers={"Host": host})
    return connection.getresponse().status
address = socket.gethostbyname("sina")
print(json.dumps([status(host) for host in ("sina", "www.sina.com.cn:8081", "localhost", address, "www.163.com", "x")]))
"""


def test_an_admin_side_answers_to_the_names_of_its_service(stack: Stack) -> None:
    """Its host, its Compose service and loopback; not its address, unless SITES_ADMIN_NAMES has it."""
    done = stack.run_compose("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", ADMIN)
    assert json.loads(done.stdout) == [200, 200, 200, 421, 421, 421], done.stderr


def test_a_survey_of_the_host_is_a_record_that_says_unreachable(stack: Stack, host: Host) -> None:
    """Before its deadline: at the bridge's address, and at one of the host's."""
    targets = [f"http://{address}:{host.port}/" for address in (*bridges_of(stack), *host.ipv4)]
    done = stack.run_client(["wget", *targets, "--format", "jsonl"])
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["target"]: record["error"] for record in records} == dict.fromkeys(targets, "unreachable")
    assert done.returncode == 4
