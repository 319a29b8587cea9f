"""The admin sides of a lab in containers, as this machine reaches them: through the gateway, by the hosts' names.

A request takes a millisecond, and a client in a container more than a second: what a test prepares, or looks up
afterwards, is asked for here; what it is about is done by the client.
"""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError

from lab.compose.stack import Stack

ADMIN_PORT = 8081
TIMEOUT_S = 20.0

Json = Mapping[str, Any]


class AdminSide:
    """The admin side of each host of a lab. Every method raises OSError where a site refuses, or does not answer."""

    def __init__(self, stack: Stack) -> None:
        gateway = stack.run_compose("port", "gateway", "3128").stdout.strip()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://{gateway}"}))

    def _ask(self, method: str, host: str, path: str, body: object = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        fields = {"Content-Type": "application/json"}
        url = f"http://{host}:{ADMIN_PORT}{path}"
        with self._opener.open(urllib.request.Request(url, data, fields, method=method), timeout=TIMEOUT_S) as answer:
            said: Json = json.load(answer)
            return said

    def plan(self, host: str) -> Json:
        """Return a host's plan of faults as it is, with what each rule has counted."""
        return self._ask("GET", host, f"/faults/{host}")

    def set_plan(self, host: str, *faults: Json) -> None:
        """Put a plan in force."""
        self._ask("PUT", host, f"/faults/{host}", {"faults": faults})

    def reset(self, host: str) -> None:
        """Put in force what the host has begun with."""
        self._ask("POST", host, f"/faults/{host}/reset")

    def begin_journal(self, host: str) -> None:
        """Let a host's journal begin anew."""
        self._ask("DELETE", host, "/journal")

    def entries(self, host: str) -> Sequence[Json]:
        """Return the journal of a host."""
        found: Sequence[Json] = self._ask("GET", host, f"/journal?host={host}")["entries"]
        return found

    def fetch(self, host: str) -> None:
        """Ask a host for its page, whatever it answers."""
        with suppress(HTTPError), self._opener.open(f"http://{host}/", timeout=TIMEOUT_S) as answer:
            answer.read()
