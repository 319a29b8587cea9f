"""Attacks as they run in a container: a script on stdin, an order, and a line of JSON for each event."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lab.bench.chaos.clients import attacker
from lab.bench.chaos.clients.attacker import ATTACKS, client_hello
from lab.bench.chaos.clients.inside import ATTACKER, SCRIPTS, script
from tests.ports import held_port

COUNT = 5
CONNECTION_ATTACKS = sorted(name for name, module in SCRIPTS.items() if module == ATTACKER)
Event = dict[str, object]


@contextmanager
def bind_socket(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on loopback while inside, and let `serve` have each connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()


def swallow(connection: socket.socket) -> None:
    """Read everything, and answer nothing."""
    with connection:
        try:
            while connection.recv(65_536):
                pass
        except OSError:
            pass


def turn_away(connection: socket.socket) -> None:
    """End a connection without an answer."""
    connection.close()


def busy(connection: socket.socket) -> None:
    """Answer 503."""
    with connection:
        try:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n")
            swallow(connection)
        except OSError:
            pass


def attack(name: str, port: int, *, seconds: float = 1.0) -> list[Event]:
    """Carry out an attack as in a container, and return its events."""
    order = {"attack": name, "host": "127.0.0.1", "port": port, "count": COUNT, "seconds": seconds, "name": "a.test"}
    done = subprocess.run(
        [sys.executable, "-I", "-", json.dumps(order)],
        input=script(SCRIPTS[name]),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", CONNECTION_ATTACKS)
def test_an_attack_tells_when_it_is_ready_and_done_and_what_it_opened(name: str) -> None:
    """It needs the standard library only, and ends by itself."""
    with bind_socket(swallow) as port:
        events = attack(name, port, seconds=0.5)
    assert events[0]["event"] == "ready"
    assert events[-1]["event"] == "done"
    assert int(str(events[-1]["opened"])) >= COUNT


def test_it_tells_when_every_connection_has_sent_what_it_sends() -> None:
    """A test that attacks waits for this, and not for a time."""
    with bind_socket(swallow) as port:
        events = attack("tls_trickle", port)
    assert events == [
        {"event": "ready"},
        {"event": "opened", "opened": COUNT},
        {"event": "done", "opened": COUNT, "held": COUNT},
    ]


@pytest.mark.parametrize("serve", [turn_away, busy])
def test_what_is_ended_without_an_answer_or_with_503_was_turned_away(serve: Callable[[socket.socket], None]) -> None:
    """A site whose budget is spent does one or the other."""
    with bind_socket(serve) as port:
        done = attack("tls_trickle", port)[-1]
    assert int(str(done["turned_away"])) >= COUNT
    assert "answered" not in done


def test_where_nothing_listens_connections_are_refused() -> None:
    """They are counted separately, since a service may be starting again."""
    with held_port() as port:
        done = attack("noise", port)[-1]
    assert int(str(done["refused"])) >= COUNT
    assert "opened" not in done


@pytest.mark.parametrize("name", [b"\xff" * 6, b"\x00\xe9" * 20, b"a.b.test"])
def test_a_client_hello_asks_for_any_name(name: bytes) -> None:
    """The name is in it, byte for byte, in a TLS record of its length."""
    hello = client_hello(name)
    assert hello[:1] == b"\x16"
    assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
    assert name in hello


def test_each_attack_has_a_name_and_a_description() -> None:
    """Each name is one that an order may have."""
    assert set(ATTACKS) == set(CONNECTION_ATTACKS)
    assert all(getattr(attacker, name).__doc__ for name in ATTACKS)
