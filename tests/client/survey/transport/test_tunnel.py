"""A survey behind a gateway: what the gateway says, told apart from what the site says."""

import json
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from services.client.cli import understand
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.run import Stop
from tests.client.peers import sends, serving

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "status", "error", "detail"),
    [
        (ESTABLISHED + HEAD, 200, None, ""),
        (ESTABLISHED + HEAD[:9], None, "truncated_head", ""),
        (ESTABLISHED, None, "closed", ""),
        (b"", None, "unreachable", "gateway gave no answer"),
        (b"SSH-2.0\r\n", None, "unreachable", "gateway gave no answer"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\na.test:80 refused the connection\n", None, "refused", "a.test:80"),
        (b"HTTP/1.1 504 Late\r\n\r\nno \x1b[2J\n", None, "unreachable", "gateway says: no \\x1b[2J"),
        (b"HTTP/1.1 503 No\r\n\r\n", None, "unreachable", "gateway says: status 503"),
    ],
)
async def test_what_a_gateway_answers(
    answer: bytes, status: int | None, error: str | None, detail: str, tmp_path: Path
) -> None:
    """What follows its head is the site's; what it says instead of 200 is not taken for the site's."""
    file = tmp_path / "records.jsonl"
    words = ["wget", "--format", "jsonl", "-q", "-o", str(file), "a.test"]
    invocation = await anyio.to_thread.run_sync(partial(understand, words, default_loop="asyncio"))
    async with serving(gateway=sends(answer)) as topology:
        gateway = topology.routes["gateway", 80]
        behind = Topology({("a.test", 80): gateway}, closed=True, gateway=gateway)
        await invocation.main(ClientSettings(topology=behind), Stop())
    record = json.loads(await anyio.to_thread.run_sync(file.read_text))
    assert (record["status"], record["error"]) == (status, error)
    assert detail in (record["detail"] or "")
