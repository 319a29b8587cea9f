"""A contestant: a process for each core that connects, asks, reads what comes, and does nothing else.

`python -m lab.bench.baselines.null_fetch PORT NUMBER -c 64` prints how many answers came. It connects its sockets
again, as the survey does, but has no loop, no deadlines, no reader of heads, and no records: Python is no faster.
"""

import argparse
import os
import select
import socket
from contextlib import suppress

from services.client.survey.transport.sockets import give_up, new_socket
from services.runtime.process import usable_cores

REQUEST = b"GET / HTTP/1.1\r\nHost: site.bench\r\nAccept: */*\r\nConnection: close\r\n\r\n"
ANSWER = b"HTTP/1.1 200"
RECEIVED_BYTES = 32_768
WAIT_S = 10.0
MAX_AGAIN = 20  # fetches without an answer that are made again


class NullFetch:
    """The fetches of one process: `number` of them, on as many sockets as there are at once."""

    def __init__(self, port: int, number: int) -> None:
        self.address = ("127.0.0.1", port)
        self.left, self.open, self.answered, self.again = number, 0, 0, MAX_AGAIN
        self.epoll = select.epoll()
        self.sockets: dict[int, socket.SocketType] = {}
        self.asked: set[int] = set()

    def run(self, concurrency: int) -> int:
        """Fetch, and return how many answers came."""
        for _ in range(min(concurrency, self.left)):
            each = new_socket(socket.AF_INET)
            self.sockets[each.fileno()] = each
            self.epoll.register(each.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
            self.begin(each)
        while self.open:
            ready = self.epoll.poll(WAIT_S)
            if not ready:
                break
            for fd, events in ready:
                self.go_on(self.sockets[fd], events)
        return self.answered

    def begin(self, each: socket.SocketType) -> None:
        """Begin a connection, if there is one left to make."""
        if self.left:
            self.left -= 1
            self.open += 1
            each.connect_ex(self.address)

    def go_on(self, each: socket.SocketType, events: int) -> None:
        """Ask where a connection was made; read where an answer came, and begin anew."""
        fd = each.fileno()
        if fd not in self.asked:
            with suppress(OSError):  # an event of the last connection
                each.send(REQUEST)
                self.asked.add(fd)
        elif events & select.EPOLLIN:
            if each.recv(RECEIVED_BYTES).startswith(ANSWER):
                self.answered += 1
            elif self.again:  # an event of the last connection, or one that the server has dropped
                self.left, self.again = self.left + 1, self.again - 1
            self.asked.discard(fd)
            self.open -= 1
            give_up(fd)
            self.begin(each)


def forked(port: int, number: int, concurrency: int) -> int:
    """Fetch in a process, and return the end of a pipe from which its count is read."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(NullFetch(port, number).run(concurrency)).encode())
        os._exit(0)
    os.close(writer)
    return reader


def main() -> None:
    """Read the options, and fetch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("number", type=int)
    parser.add_argument("-c", "--concurrency", type=int, default=64)
    options = parser.parse_args()
    processes = min(usable_cores(), options.number, options.concurrency)
    shares = [options.number // processes + (index < options.number % processes) for index in range(processes)]
    readers = [forked(options.port, share, options.concurrency // processes) for share in shares]
    print(sum(int(os.read(each, 100)) for each in readers))
    for _ in readers:
        os.wait()


if __name__ == "__main__":
    main()
