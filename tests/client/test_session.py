"""A resolver that hangs delays neither the deadline of a command nor its end by ^C."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.client.network.resolver import Resolver
from services.client.network.session import SessionResolver
from services.runtime.settings import LOOPS

ROOT = Path(__file__).parents[2]
HANGING = """
import os, signal, socket, sys, threading
from services.client.cli import main

def hang(*_args, **_options):
    if sys.argv[1] == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()

socket.getaddrinfo = hang
sys.exit(main(sys.argv[2:]))
"""
COMMANDS = [
    ("hello", "--timeout"),
    ("wget host.invalid", "--timeout"),
    ("wget --edition await host.invalid", "--timeout"),
    ("journal host.invalid", ""),
    ("faults list host.invalid", ""),
]


def run_hanging(ending: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client with a resolver that never answers, and maybe a ^C while it is asked."""
    return subprocess.run(
        [sys.executable, "-c", HANGING, ending, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("command", [command for command, _ in COMMANDS])
def test_an_interrupt_ends_it(command: str, loop: str) -> None:
    """Exit 130, although the resolver hangs."""
    result = run_hanging("interrupt", *command.split(), "--loop", loop)
    assert result.returncode == 128 + signal.SIGINT, result.stderr


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("command", [command for command, timeout in COMMANDS if timeout])
def test_the_deadline_ends_it(command: str, loop: str) -> None:
    """Exit 4: nothing answered."""
    result = run_hanging("", *command.split(), "--loop", loop, "--timeout", "0.3")
    assert (result.returncode, result.stdout.replace("wget host.invalid...\n", "")) == (4, ""), result.stderr


@pytest.mark.anyio
async def test_addresses_are_of_the_family_that_is_wanted() -> None:
    """A name without one of that family has no address."""
    resolver = SessionResolver(Resolver(lambda _host: ["192.0.2.1", "2001:db8::1"]))
    both = await resolver.resolve("host", 80)
    assert [(each["host"], each["port"], each["family"]) for each in both] == [
        ("192.0.2.1", 80, socket.AF_INET),
        ("2001:db8::1", 80, socket.AF_INET6),
    ]
    assert [each["host"] for each in await resolver.resolve("host", 80, socket.AF_INET6)] == ["2001:db8::1"]
    with pytest.raises(socket.gaierror):
        await SessionResolver(Resolver(lambda _host: ["192.0.2.1"])).resolve("host", 80, socket.AF_INET6)
