"""Connections that the gateway hands over to the sites' containers: they are, and they lead nowhere else."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.compose.stack import Stack
from services.runtime.http import Address
from tests.docker.isolation import handed
from tests.docker.isolation.test_walls import Host, host
from tests.sites.peer import Peer

pytestmark = pytest.mark.docker

__all__ = ["host"]  # a fixture

PROGRAM = Path(handed.__file__).read_text("utf-8")
SITE = "www.sohu.com"


def gateway_of(stack: Stack) -> Peer:
    """Return a client of the published port."""
    at, _, port = stack.run_compose("port", "gateway", "3128").stdout.strip().rpartition(":")
    return Peer(Address(at, int(port)), SITE)


def ask(stack: Stack, method: str, url: str, body: bytes = b"") -> bytes:
    """Return what the gateway answers to a last request."""
    name = url.removeprefix("http://").partition("/")[0]
    fields = f"Host: {name}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return gateway_of(stack).ask(f"{method} {url} HTTP/1.1\r\n{fields}\r\n".encode() + body).data


def handed_over(stack: Stack) -> int:
    """Return how many connections the gateway has handed over."""
    metrics = gateway_of(stack).ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").data.decode()
    return int(metrics.partition("\ngateway_handed_over_total ")[2].partition("\n")[0])


def hands_over(stack: Stack) -> bool:
    """Return whether this kernel lets the gateway, which has no capability, filter its sockets."""
    return "filter its sockets" not in stack.run_compose("logs", "gateway").stdout


@contextmanager
def off(stack: Stack) -> Iterator[None]:
    """Let the site refuse connections, so that it takes none of the gateway's either."""
    plan = json.dumps({"faults": [{"fault": "refuse"}]}).encode()
    assert b" 200 " in ask(stack, "PUT", f"http://{SITE}:8081/faults/{SITE}", plan)
    try:
        yield
    finally:
        ask(stack, "DELETE", f"http://{SITE}:8081/faults/{SITE}")


def test_a_last_request_is_handed_over(stack: Stack) -> None:
    """If its socket leads nowhere else; and a site that is off refuses, as ever."""
    before, one = handed_over(stack), int(hands_over(stack))
    assert ask(stack, "GET", f"http://{SITE}/").startswith(b"HTTP/1.1 ")
    assert handed_over(stack) == before + one
    with off(stack):
        assert ask(stack, "GET", f"http://{SITE}/").endswith(b"\r\n\r\nwww.sohu.com:80 refused the connection\n")
    assert b" 502 " not in ask(stack, "GET", f"http://{SITE}/").partition(b"\r\n")[0]
    assert handed_over(stack) == before + 2 * one


def test_the_socket_of_a_client_leads_a_site_nowhere(stack: Stack, host: Host) -> None:
    """Neither to the host, which the gateway's network reaches, nor to anything else."""
    if not hands_over(stack):
        pytest.skip("this kernel lets no program without a capability filter its sockets: nothing is handed over")
    places = [[address, host.port] for address in host.ipv4]
    command = stack.command("exec", "-T", "sohu", "python3", "-c", PROGRAM, json.dumps(places))
    with off(stack), subprocess.Popen(command, stdout=subprocess.PIPE, env=stack.settings.environ) as attacker:
        assert attacker.stdout
        assert attacker.stdout.readline() == b"listening\n"
        before = handed_over(stack)
        ask(stack, "GET", f"http://{SITE}/")
        assert json.loads(attacker.stdout.readline()) == []
        assert handed_over(stack) == before + 1
        assert attacker.wait(60) == 0
