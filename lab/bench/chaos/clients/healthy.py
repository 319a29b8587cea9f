"""A healthy client, inside a container: it makes ordinary requests, and prints its answers, while others attack.

    docker compose run --rm -T --no-deps --entrypoint python3 client - ORDER < lab/bench/chaos/clients/healthy.py

ORDER is a JSON object: `seconds`, `ca` (a file), and `targets`, each `[service, host, port, "http" or "https"]`. It
asks each target on a new connection for each request, and also on one that is kept alive. It prints a line of
JSON for each answer: `[began, ended, service, how, error]`, times in seconds since the epoch, error null or a word.
"""

import asyncio
import json
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

EVERY_S = 0.25
TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 1 << 18
LINE_END = b"\r\n"


@dataclass(slots=True)
class Target:
    """One service and how it is asked. `kept`: the connection is used again."""

    service: str
    host: str
    port: int
    scheme: str
    kept: bool
    ca: str
    reader: asyncio.StreamReader | None = field(default=None, repr=False)
    writer: asyncio.StreamWriter | None = field(default=None, repr=False)

    @property
    def how(self) -> str:
        """The scheme, and whether the connection is kept or new for each request."""
        return f"{self.scheme}, {'kept' if self.kept else 'new'}"

    async def ask(self) -> None:
        """Ask once, and read the whole answer. Raises OSError, EOFError or WrongAnswer."""
        async with asyncio.timeout(TIMEOUT_S):
            if self.writer is None or self.reader is None:
                context = ssl.create_default_context(cafile=self.ca) if self.scheme == "https" else None
                self.reader, self.writer = await asyncio.open_connection(
                    self.host, self.port, ssl=context, limit=MAX_HEAD_BYTES
                )
            close = "" if self.kept else "Connection: close\r\n"
            self.writer.write(f"GET / HTTP/1.1\r\nHost: {self.host}\r\n{close}\r\n".encode("ascii"))
            await self.writer.drain()
            if not await read_answer(self.reader) or not self.kept:
                self.leave()

    def leave(self) -> None:
        """End the connection."""
        writer, self.reader, self.writer = self.writer, None, None
        if writer:
            writer.transport.abort()


class WrongAnswer(Exception):
    """An answer that no site in order gives."""


async def read_answer(reader: asyncio.StreamReader) -> bool:
    """Read a whole answer; return whether the connection stays open. Raises OSError, EOFError or WrongAnswer."""
    lines = (await reader.readuntil(LINE_END * 2)).split(LINE_END)
    version, status = lines[0].split()[:2]
    fields = {name.lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines[1:])}
    keep = version == b"HTTP/1.1" and fields.get(b"connection") != b"close"
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        while size := int((await reader.readuntil(LINE_END)).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(LINE_END)
    elif b"content-length" in fields:
        await reader.readexactly(int(fields[b"content-length"]))
    elif status not in {b"204", b"304"}:
        while await reader.read(65_536):
            pass
        keep = False
    if not 200 <= int(status) < 400:
        raise WrongAnswer(f"status {int(status)}")
    return keep


def word_for(error: BaseException) -> str:
    """Return an error's class, as a table shows it."""
    if isinstance(error, WrongAnswer):
        return str(error)
    for kind, word in WORDS:
        if isinstance(error, kind):
            return word
    return type(error).__name__


WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "dns"),
    (ConnectionRefusedError, "refused"),
    (TimeoutError, "timeout"),
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "tls"),
    (ConnectionError, "reset"),
    (EOFError, "closed"),
    (ValueError, "malformed"),
    (OSError, "unreachable"),
)


async def ask_on(target: Target, offset_s: float) -> None:
    """Ask every EVERY_S seconds."""
    await asyncio.sleep(offset_s)
    while True:
        began_s = time.time()
        error = None
        try:
            await target.ask()
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError, WrongAnswer) as failure:
            target.leave()
            error = word_for(failure)
        ended_s = time.time()
        print(json.dumps([began_s, ended_s, target.service, target.how, error]), flush=True)
        await asyncio.sleep(max(0.0, began_s + EVERY_S - ended_s))


async def ask_all(targets: list[Target], seconds: float) -> None:
    """Ask all targets, spread over the interval."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for index, target in enumerate(targets):
                group.create_task(ask_on(target, EVERY_S * index / len(targets)))


def main() -> None:
    """Read the order, and ask."""
    order = json.loads(sys.argv[1])
    targets = [
        Target(service, host, port, scheme, kept, order["ca"])
        for service, host, port, scheme in order["targets"]
        for kept in (False, True)
    ]
    asyncio.run(ask_all(targets, order["seconds"]))


if __name__ == "__main__":
    main()
