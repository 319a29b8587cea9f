"""A program that tries to reach places over the network, and says which it could: run on the host and in containers.

`python3 -c "$(cat reach.py)" JSON` takes a Question, and prints an Answer. It needs the standard library only.
A socket that is bound to a network device needs no route: a process without any privilege can send by it.
"""

import json
import pathlib
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import NamedTuple

TIMEOUT_S = 4.0  # longer than Linux asks for a neighbour's address: three times a second
AT_ONCE = 200  # a container may have 256 processes and threads


class Place(NamedTuple):
    """An address and a port, tried through the network `device`, or by the routes where it is empty."""

    address: str
    port: int
    transport: str
    device: str = ""


class Question(NamedTuple):
    """Addresses and ports to try, each with each, and names to look up.

    `of_the_lab`: a connection counts if a service of the lab answers, and not if some proxy on the way takes them all.
    """

    addresses: list[str]
    ports: list[int]
    names: list[str]
    of_the_lab: bool = False


class Answer(NamedTuple):
    """What was reached, which names have an address, and which interfaces have an IPv6 address."""

    reached: list[Place]
    names: list[str]
    inet6: list[str]


def is_reached(place: Place, *, of_the_lab: bool = False) -> bool:
    """Return whether a TCP connection is made, or a datagram is answered."""
    kind = socket.SOCK_STREAM if place.transport == "tcp" else socket.SOCK_DGRAM
    is_ipv6 = ":" in place.address
    try:
        with socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, kind) as tried:
            tried.settimeout(TIMEOUT_S)
            if place.device:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, place.device.encode())
            scope = socket.if_nametoindex(place.device) if place.device else 0
            at = (place.address, place.port, 0, scope) if is_ipv6 else (place.address, place.port)
            if place.transport == "tcp":
                tried.connect(at)
                return not of_the_lab or is_the_lab(tried, place.port)
            tried.sendto(b"is anything there?", at)
            return bool(tried.recv(1))  # from any of its addresses: the one asked may not be the one that answers
    except OSError:
        return False


def is_the_lab(connection: socket.socket, port: int) -> bool:
    """Return whether a service of the lab answers: each refuses a foreign Host, and TLS is of the lab's own CA.

    The broker's program says its own name, at its port for clients and on its pages.
    """
    if port == 443:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(connection, server_hostname="nowhere.invalid") as secure:
            return b"asynclab" in (secure.getpeercert(binary_form=True) or b"")
    connection.sendall(b"GET / HTTP/1.1\r\nHost: nowhere.invalid\r\n\r\n")
    answer = connection.recv(1000)
    return b" 421 " in answer or b"nats" in answer.lower() or answer.startswith(b'INFO {"server_id"')


def has_address(name: str) -> bool:
    """Return whether a name can be looked up."""
    try:
        return bool(socket.getaddrinfo(name, 80))
    except OSError:
        return False


def answer(question: Question, *, devices: list[str], at_once: int = AT_ONCE) -> Answer:
    """Try so many ways at once, through each device of this machine and by the routes: most take all of their time."""
    ways = product(question.addresses, question.ports, ("tcp", "udp"), ("", *devices))
    places = [Place(*way) for way in ways]
    with ThreadPoolExecutor(at_once) as pool:
        tried = pool.map(partial(is_reached, of_the_lab=question.of_the_lab), places)
        reached = [place for place, is_there in zip(places, tried, strict=True) if is_there]
        names = [name for name, has in zip(question.names, pool.map(has_address, question.names), strict=True) if has]
    interfaces = [line.split()[-1] for line in pathlib.Path("/proc/net/if_inet6").read_text().splitlines()]
    return Answer(reached, names, [each for each in interfaces if each != "lo"])


if __name__ == "__main__":
    devices = [name for _index, name in socket.if_nameindex() if name != "lo"]
    print(json.dumps(answer(Question(*json.loads(sys.argv[1])), devices=devices)))
