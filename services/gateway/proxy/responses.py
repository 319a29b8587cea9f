"""The responses that are the gateway's own: its pages, its refusals, and the answer to CONNECT."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path

from services.gateway.proxy.decision import Page
from services.gateway.proxy.directory import Directory
from services.gateway.proxy.messages.request import Refused
from services.runtime.http import Address
from services.runtime.terminal import printable

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
TEXT, JSON, PEM, METRICS = (
    "text/plain; charset=utf-8",
    "application/json",
    "application/x-pem-file",
    "text/plain; version=0.0.4; charset=utf-8",
)
PATHS = ("/lab", "/ca.pem", "/healthz", "/readyz", "/metrics")


@dataclass(frozen=True, slots=True)
class Pages:
    """What the gateway's pages say. `ca`: the file of the lab's CA certificate, None where there is none.

    `metrics`: returns the text of /metrics; `not_ready`: returns why the lab is not ready, nothing where it is.
    """

    directory: Directory
    metrics: Callable[[], str]
    ca: Path | None = None
    not_ready: Callable[[], str] = str
    identity: str = field(default_factory=partial(secrets.token_hex, 16))

    async def respond(self, page: Page, *, at: Address) -> bytes:
        """Return the whole response to a request. `at`: the gateway's end of the client's connection."""
        if page.path not in PATHS:
            return self._text(page, HTTPStatus.NOT_FOUND, f"the gateway has {', '.join(PATHS)}")
        if page.method not in ("GET", "HEAD"):
            return response(HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"GET, HEAD\n", ("Allow: GET, HEAD",))
        if page.path == "/lab":
            await self.directory.look()
            body = json.dumps(self.lab(page.authority, at=at)).encode() + b"\n"
            return response(HTTPStatus.OK, JSON, body, head_only=page.method == "HEAD")
        if page.path == "/ca.pem":
            return await self._certificate(page)
        if page.path == "/metrics":
            return response(
                HTTPStatus.OK,
                METRICS,
                (await asyncio.to_thread(self.metrics)).encode(),
                head_only=page.method == "HEAD",
            )
        reason = self.not_ready() if page.path == "/readyz" else ""
        return self._text(page, HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK, reason or "ok")

    def lab(self, authority: str, *, at: Address) -> dict[str, object]:
        """Return what `/lab` says. `authority`: what the client calls the gateway.

        A gateway in a container says its own address, too: the client may have come through a program of the engine.
        `identity` is what no other gateway says, so a client knows whether it finds this one there.
        """
        directory = self.directory
        contained = {"takes_hosts": directory.takes_hosts, "address": at.url, "identity": self.identity}
        return {
            "v": 1,
            "gateway": f"http://{authority}",
            "ca": str(self.ca) if self.ca and directory.is_direct else None,
            "hello": directory.hello_url,
            "direct": directory.is_direct,
            **({} if directory.is_direct else contained),
            "sites": {host: urls._asdict() for host, urls in sorted(directory.urls().items())},
        }

    async def _certificate(self, page: Page) -> bytes:
        try:
            pem = await asyncio.to_thread(self.ca.read_bytes) if self.ca else b""
        except OSError:
            pem = b""
        if not pem:
            return self._text(page, HTTPStatus.NOT_FOUND, "there is no certificate yet: ask again when the lab is up")
        return response(HTTPStatus.OK, PEM, pem, head_only=page.method == "HEAD")

    def _text(self, page: Page, status: HTTPStatus, line: str) -> bytes:
        return response(status, TEXT, f"{line}\n".encode(), head_only=page.method == "HEAD")


def refusal(refused: Refused, *, head_only: bool = False) -> bytes:
    """Return the response to a request that is not passed on."""
    body = f"{printable(refused.reason)}\n".encode()
    return response(HTTPStatus(refused.status), TEXT, body, ("X-Asynclab: gateway",), head_only=head_only)


def response(
    status: HTTPStatus, kind: str, body: bytes, fields: tuple[str, ...] = (), *, head_only: bool = False
) -> bytes:
    """Return a response that is the last of its connection."""
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *fields,
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(lines).encode() + (b"" if head_only else body)
