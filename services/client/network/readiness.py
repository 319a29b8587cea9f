"""Waiting for services that were started a moment ago, and do not answer yet.

`docker compose run` starts the services that the client needs, and then the client. Compose itself would wait for their
health, but it looks for the first time after half a second, even where all are healthy. To ask each of them takes
milliseconds.
"""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from time import monotonic, sleep

from services.client.defaults import WAITS_FOR
from services.runtime.errors import BadSetting
from services.runtime.http import HOST_NAME
from services.runtime.serving import healthcheck
from services.runtime.terminal import say

Service = tuple[str, int]  # its host and port

DEADLINE_S = 10.0
ASK_TIMEOUT_S = 1.0
PAUSE_S = 0.05


def wait_for(services: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Wait until each of `services`, a list of HOST:PORT, says that it is ready, or until the deadline for all of them.

    A service whose name has no address does not run, and one that says nothing in ASK_TIMEOUT_S does not just start:
    neither is waited for. What such a service answers is for the command to show. Raises BadSetting.
    """
    last = monotonic() + deadline_s
    waiting = [parsed(service, services) for service in services.split()]
    while waiting := not_ready(waiting):
        if monotonic() >= last:
            hosts = ", ".join(host for host, _ in waiting)
            say(f"not ready after {deadline_s:g} s, and asked as it is: {hosts}")
            break
        sleep(PAUSE_S)


def parsed(service: str, services: str) -> Service:
    """Return the host and the port of a service. Raises BadSetting."""
    host, _, port = service.rpartition(":")
    if not (HOST_NAME.fullmatch(host) and port.isdecimal() and 0 < int(port) <= 65535):
        raise BadSetting(WAITS_FOR, services, "a list of services and their ports, as hello:8000 sina:8081")
    return host, int(port)


def not_ready(services: Sequence[Service]) -> list[Service]:
    """Return those that refuse, or say that they are not ready. All are asked before the first answer is read."""
    found, asked = list[Service](), list[tuple[Service, socket.socket]]()
    with ExitStack() as stack:
        for service in services:
            try:
                connection = stack.enter_context(healthcheck.ask(*service, timeout_s=ASK_TIMEOUT_S))
            except (socket.gaierror, TimeoutError):
                continue
            except OSError:
                found.append(service)
            else:
                asked.append((service, connection))
        return found + [service for service, connection in asked if refuses(connection)]


def refuses(connection: socket.socket) -> bool:
    """Return whether the answer on a connection is that the service is not ready, or is none."""
    try:
        return not healthcheck.answer(connection)[0]
    except TimeoutError:
        return False
    except OSError:
        return True
