"""A program in a site's container that takes the next connection of the gateway's in the site's place.

`python3 -c "$(cat handed.py)" JSON`: it makes the Unix socket at SITES_HANDOVER, prints a line, and waits for a
connection of a client's. Then, as a program might that has taken the site over, it disconnects that socket and tries to
connect it to each of [[ADDRESS, PORT], ...]. It prints a JSON list of those that it reached.
"""

import ctypes
import json
import os
import pathlib
import socket
import sys

TIMEOUT_S = 2.0
WAIT_S = 30.0
AF_UNSPEC = bytes(16)


def handed(path: pathlib.Path) -> socket.socket:
    """Return the connection that the gateway hands over next."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
        listening.listen(1)
        listening.settimeout(WAIT_S)
        print("listening", flush=True)
        channel, _peer = listening.accept()
        with channel:
            channel.settimeout(WAIT_S)
            _data, descriptors, _flags, _from = socket.recv_fds(channel, 65_536, 1)
    return socket.socket(fileno=descriptors[0])


def is_reached(taken: socket.socket, place: tuple[str, int]) -> bool:
    """Return whether the socket, disconnected, can be connected to a place."""
    if ctypes.CDLL(None).connect(taken.fileno(), AF_UNSPEC, len(AF_UNSPEC)):
        raise SystemExit("the socket cannot be disconnected")
    taken.settimeout(TIMEOUT_S)
    try:
        taken.connect(place)
    except OSError:
        return False
    return True


def main() -> None:
    """Take a connection, and try."""
    path = pathlib.Path(os.environ["SITES_HANDOVER"])
    path.unlink(missing_ok=True)
    try:
        with handed(path) as taken:
            print(json.dumps([place for place in json.loads(sys.argv[1]) if is_reached(taken, tuple(place))]))
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
