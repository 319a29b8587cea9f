"""HTTP to the lab, through its gateway alone: its own pages, hello, and the admin sides of the sites.

The gateway is a forward proxy to the hosts of the lab and to nothing else, in one process as in containers.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from services.runtime.http import ADMIN_PORT
from services.runtime.untrusted import parse_json

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 8 * 1024 * 1024
CONNECTIONS = 16
OF_THE_GATEWAY = "X-Asynclab"


class LabAway(Exception):
    """The lab, or a part of it, gives no answer; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the body."""

    status: int
    body: bytes

    def object(self) -> Mapping[str, object]:
        """Return the object of JSON that the body is. Raises LabAway."""
        try:
            data = parse_json(self.body)
        except (ValueError, RecursionError) as error:
            raise LabAway("what answers in the place of the lab is not the lab") from error
        if not isinstance(data, dict):
            raise LabAway("what answers in the place of the lab is not the lab")
        return data


class LabClient:
    """Asks a lab. `url`: its gateway's; `session`: is closed by its owner; `relayed`: how much was asked of hosts."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.relayed = 0
        self._session = session

    async def page(self, path: str) -> Answer:
        """Return one of the gateway's own pages. Raises LabAway."""
        return await self._ask("GET", f"{self.url}{path}", proxy=None)

    async def get(self, url: str) -> Answer:
        """Return what a host of the lab answers. Raises LabAway."""
        return await self._ask("GET", url, proxy=self.url)

    async def admin(
        self, host: str, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Return what the admin side of a host answers. Raises LabAway."""
        data = None if body is None else json.dumps(body).encode("ascii")
        return await self._ask(method, f"http://{host}:{ADMIN_PORT}{path}", proxy=self.url, query=query, data=data)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        proxy: str | None,
        query: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        self.relayed += proxy is not None
        headers = {"Accept-Encoding": "identity", **({"Content-Type": "application/json"} if data else {})}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.request(
                    method, url, proxy=proxy, params=query, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                body = await read_whole(response.content)
                if proxy and response.headers.get(OF_THE_GATEWAY) == "gateway":
                    raise LabAway(f"the lab's gateway says: {body.decode('utf-8', 'replace').strip()}")
                return Answer(response.status, body)
        except TimeoutError as error:
            raise LabAway(f"{url}: no answer within {TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise LabAway(f"{url}: {error}") from error


async def read_whole(content: aiohttp.StreamReader) -> bytes:
    """Return a body. Raises LabAway for one that is too large."""
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > MAX_ANSWER_BYTES:
            raise LabAway(f"an answer has more than {MAX_ANSWER_BYTES:,} bytes")
    return bytes(body)


def new_session() -> aiohttp.ClientSession:
    """Return a session for a LabClient: nothing of the environment, no cookies, nothing decoded."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )
