"""Peers that complete the handshake, and are no broker or answer nothing: a bounded wait, and one line."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.jetstream.broker.errors import BrokerAbsent, BrokerSilent, NotABroker
from tests.client.pipeline.jetstream.brokers import QUICK
from tests.client.pipeline.jetstream.runs import error_of, new_outcome, run_items

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
SOON = replace(QUICK, connect_s=2.0, gone_s=2.0)
INFO: dict[str, object] = {"version": "2.11.0", "max_payload": 1 << 20, "headers": True}

Answer = Callable[[int], bytes | None]
"""Returns the answer to the request of this number, from 1; None where there is none."""


def nothing(_number: int) -> None:
    """Answer no request."""


def once(number: int) -> bytes | None:
    """Answer the first request, as a broker without runs, and no other one."""
    return b'{"type": "x", "state": {}}' if number == 1 else None


@asynccontextmanager
async def peer(
    answer: Answer = nothing, info: dict[str, object] | None = None, *, after_pong: bytes = b""
) -> AsyncIterator[BrokerSettings]:
    """Yield how a peer is reached that completes the handshake, and answers requests as it is told."""
    requests = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # a client that has found garbage may reset
            await converse(reader, writer)
        writer.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        writer.write(b"INFO " + json.dumps(INFO | (info or {})).encode() + b"\r\n")
        sids: dict[bytes, bytes] = {}
        while line := await reader.readline():
            verb, *words = line.split()
            if verb == b"PING":
                writer.write(b"PONG\r\n" + after_pong)
            elif verb == b"SUB":
                sids[words[0].rpartition(b".")[0]] = words[-1]
            elif verb in {b"PUB", b"HPUB"}:
                await reader.readexactly(int(words[-1]) + 2)
                requests += 1
                if (payload := answer(requests)) is not None:
                    reply = words[1]
                    writer.write(b"MSG %s %s %d\r\n" % (reply, sids[reply.rpartition(b".")[0]], len(payload)))
                    writer.write(payload + b"\r\n")

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield BrokerSettings(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", tuning=SOON)


@pytest.mark.parametrize(
    ("answer", "info", "exit_code"),
    [
        (nothing, {}, 4),
        (once, {}, 1),
        (nothing, {"nonce": "x"}, 4),
    ],
    ids=["silent", "silent after an answer", "nonce"],
)
async def test_what_answers_no_request(answer: Answer, info: dict[str, object], exit_code: int) -> None:
    """The wait is bounded by BROKER_GONE_S, and the line does not speak of JetStream."""
    async with peer(answer, info) as settings:
        error = await error_of(run_items(settings, 3, outcome=new_outcome()))
    assert isinstance(error, BrokerSilent)
    assert error.exit_code == exit_code
    assert "does not answer within 2 s" in str(error)
    assert "JetStream" not in str(error)


@pytest.mark.parametrize("most", [-1, 0, "1048576", None, [1]], ids=str)
async def test_no_message_is_small_enough(most: object) -> None:
    """No broker says such a thing."""
    async with peer(info={"max_payload": most}) as settings:
        error = await error_of(run_items(settings, 3, outcome=new_outcome()))
    assert isinstance(error, BrokerAbsent)
    assert error.exit_code == 4
    assert "what answers is no broker" in str(error)


async def test_garbage_breaks_every_connection() -> None:
    """They are made again, but not without end: exit 4, as no request was ever answered."""
    async with peer(after_pong=b"no protocol\r\n") as settings:
        error = await error_of(run_items(settings, 3, outcome=new_outcome()))
    assert isinstance(error, BrokerSilent | BrokerAbsent)  # by how soon a connection is seen to break
    assert error.exit_code == 4


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "no JSON"),
        (b"\xff{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "no type"),
        (b'{"type": "x"}', "no message"),
        (b'{"type": "x", "message": {"seq": 1, "data": "x"}}', "no base64"),
        (b'{"error": "x"}', "the error"),
        (b'{"error": {"err_code": "x"}}', "the error"),
        (b'{"error": {"err_code": [1]}}', "the error"),
        (b'{"error": {"err_code": null}}', "the error"),
        (b'{"error": {"err_code": 1e999}}', "the error"),
    ],
    ids=lambda each: str(each[:48]),
)
async def test_answers_that_no_broker_gives(answer: bytes, reason: str) -> None:
    """One line says so at once, and names the address: there is neither a fault of the program nor another run."""
    async with peer(lambda _: answer) as settings:
        error = await error_of(run_items(settings, 3, outcome=new_outcome(), run="x"))
    assert isinstance(error, NotABroker)
    assert error.exit_code == 4
    assert f"what answers at {settings.url} is no broker" in str(error)
    assert reason in str(error)
