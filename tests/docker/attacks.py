"""Attacks on the memory of a service, from inside a client's container; the standard library alone.

    docker compose run --rm -T --entrypoint python3 client -c "$(cat attacks.py)" ATTACK HOST PORT COUNT

COUNT connections are opened, and each sends what its attack sends, as far as the peer takes it. While they are held,
healthy clients ask HEALTHY times, from the first one on that is answered: it may come while connections are still
opened. A line of JSON tells how many connections there were, how many of them the peer has ended, and how the healthy
clients fared. The attack begins nothing more after DEADLINE_S.
"""

import json
import resource
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

DEADLINE_S = 12.0
HEALTHY = 50
AT_ONCE = {"sohu": 1, "hello": 5}  # hello waits half a second before each answer
SMALL_WINDOW_BYTES = 4096
NAMES = {"sohu": "www.sohu.com", "hello": "hello"}


def get(host: str, fields: str = "") -> bytes:
    """Return a request."""
    return f"GET / HTTP/1.1\r\nHost: {NAMES[host]}\r\n{fields}\r\n".encode()


def client_hello(size: int) -> bytes:
    """Return a ClientHello that says it has so many bytes."""
    message = (b"\x01" + (size - 4).to_bytes(3, "big") + b"\x03\x03").ljust(size, b"\0")
    records = [message[begin : begin + 0x4000] for begin in range(0, size, 0x4000)]
    return b"".join(b"\x16\x03\x01" + len(record).to_bytes(2, "big") + record for record in records)


def whole_hello(host: str) -> bytes:
    """Return a ClientHello that is whole: the peer never goes on with it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=NAMES[host]).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError


ATTACKS: dict[str, Callable[[str], bytes]] = {
    "tls_trickle": lambda host: b"\x16\x03\x01",
    "sessions": whole_hello,
    "tls_hello": lambda host: client_hello(63 * 1024)[:-1],
    "tls_hello_in_bounds": lambda host: client_hello(16_000)[:-1],
    "pipeline": lambda host: get(host) * 6000,
    "heads": lambda host: get(host)[:-2] + b"".join(b"X%d: %s\r\n" % (n, b"a" * 1000) for n in range(30)),
    "bodies": lambda host: b"POST" + get(host, "Content-Length: 8000000\r\n")[3:] + bytes(200_000),
    "idle": lambda host: b"",
}


def attack(name: str, host: str, port: int, count: int) -> dict[str, object]:
    """Open the connections, send, ask meanwhile, and return what was found."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    last = time.monotonic() + DEADLINE_S
    address = (socket.gethostbyname(host), port)
    data = ATTACKS[name](host)
    left: dict[socket.socket, bytes] = {}
    held, refused = [], 0
    for _ in range(count):
        if time.monotonic() > last:
            break
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW_BYTES)
        made.settimeout(2)
        try:
            made.connect(address)
        except OSError:
            refused += 1
            made.close()
            continue
        made.setblocking(False)
        held.append(made)
        left[made] = data
        send(made, left)
    with selectors.DefaultSelector() as selector:
        for each in left:
            selector.register(each, selectors.EVENT_WRITE, each)
        stop = min(last, time.monotonic() + 2)
        while left and time.monotonic() < stop:
            for key, _events in selector.select(0.2):
                send(key.data, left)
                if key.data not in left:
                    selector.unregister(key.data)
    while time.monotonic() < last and healthy_s(host, address, secure=port == 443) is None:
        pass
    with ThreadPoolExecutor(AT_ONCE[host]) as pool:
        times = [*pool.map(lambda _: healthy_s(host, address, secure=port == 443), range(HEALTHY))]
    answered = sorted(each for each in times if each is not None)
    return {
        "opened": len(held),
        "refused": refused,
        "ended": sum(has_ended(each) for each in held),
        "healthy": len(answered),
        "slowest_s": answered[-1] if answered else None,
        "median_s": answered[len(answered) // 2] if answered else None,
    }


def send(connection: socket.socket, left: dict[socket.socket, bytes]) -> None:
    """Send what is left, as far as it is taken."""
    data = left.get(connection, b"")
    try:
        while data:
            data = data[connection.send(data) :]
    except BlockingIOError:
        left[connection] = data
        return
    except OSError:
        pass
    left.pop(connection, None)


def has_ended(connection: socket.socket) -> bool:
    """Return whether the peer has ended a connection."""
    try:
        while data := connection.recv(1 << 20):
            if data.startswith(b"HTTP/1.1 503"):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def healthy_s(host: str, address: tuple[str, int], *, secure: bool) -> float | None:
    """Return how long an answer takes, None where there is none."""
    began = time.monotonic()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(address, timeout=5) as plain:
            connection = context.wrap_socket(plain, server_hostname=NAMES[host]) if secure else plain
            with connection:
                connection.sendall(get(host, "Connection: close\r\n"))
                answer = b""
                while block := connection.recv(65_536):
                    answer += block
    except OSError:
        return None
    return time.monotonic() - began if answer.startswith(b"HTTP/1.") and b" 503 " not in answer[:20] else None


if __name__ == "__main__":
    print(json.dumps(attack(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
