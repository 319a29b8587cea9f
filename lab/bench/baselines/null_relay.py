"""A contestant: a relay with sockets and the loop's readers alone, which reads nothing and bounds nothing.

`python -m lab.bench.baselines.null_relay PORT TARGET_PORT --loop LOOP`. It shows what any relay in Python costs at
least: it holds no bytes that a peer does not take, enforces no deadline, and passes on no RST.
"""

import argparse
import asyncio
import contextlib
import signal
import socket

from services.runtime.http import Address
from services.runtime.run import loop_factory
from services.runtime.serving.listen import BACKLOG, bind_socket, limit_kernel_buffers

LOOPBACK = "127.0.0.1"
AT_ONCE = 64
READ_BYTES = 16 * 1024


class NullRelay:
    """Two connected sockets."""

    __slots__ = ("_client", "_loop", "_open", "_target")

    def __init__(self, loop: asyncio.AbstractEventLoop, client: socket.socket, target: socket.socket) -> None:
        self._loop = loop
        self._client, self._target = client, target
        self._open = 2
        loop.add_reader(client, self._pass_on, client, target)
        loop.add_reader(target, self._pass_on, target, client)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        """Pass bytes on, and a FIN; after the second one, all is over."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = one.recv(READ_BYTES)
            other.send(data)
        if data:
            return
        self._loop.remove_reader(one)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)
        self._open -= 1
        if not self._open:
            self._client.close()
            self._target.close()


def accept(loop: asyncio.AbstractEventLoop, bound: socket.socket, target: Address) -> None:
    """Relay those that have connected."""
    for _one in range(AT_ONCE):
        try:
            client, _peer = bound.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        connecting = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        connecting.setblocking(False)
        limit_kernel_buffers(connecting)
        connecting.connect_ex(target)  # on loopback, it is connected when the next call is made
        NullRelay(loop, client, connecting)


async def serve(port: int, target: Address) -> None:
    """Relay until a SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    bound = bind_socket(Address(LOOPBACK, port))
    bound.listen(BACKLOG)
    loop.add_reader(bound, accept, loop, bound, target)
    await stopped.wait()


def main() -> None:
    """Read the options, and relay."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, Address(LOOPBACK, options.target)))


if __name__ == "__main__":
    main()
