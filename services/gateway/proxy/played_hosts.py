"""The hosts that a site plays at this moment, where tests add hosts and remove them: its admin side is asked.

The site is asked anew whenever the answer matters, so a host is there as soon as its first play is, and is gone with
its last. Callers that come while it is being asked share the next answer: there is one request at a time, however many
clients ask for names that are not there.
"""

import asyncio
import json
import logging
import socket

from services.runtime.http import ADMIN_PORT, HOST_NAME

TIMEOUT_S = 2.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # 11,000 names are the most that a site has: recordings and plays
READ_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class BadAnswer(Exception):
    """What came is no list of hosts; the text says why."""


class PlayedHosts:
    """The hosts of a site that takes new ones. `service`: its name; `names`: its hosts when it was asked last.

    A site that does not answer has no hosts: its plays are gone when it ends.
    """

    def __init__(self, service: str, *, port: int = ADMIN_PORT, timeout_s: float = TIMEOUT_S) -> None:
        self.service, self.port, self.timeout_s = service, port, timeout_s
        self.names: frozenset[str] = frozenset()
        self._lock = asyncio.Lock()
        self._begun = self._answered = 0  # the numbers of the last request to the site, and of the last answer
        self._trouble = ""

    async def ask(self) -> None:
        """Set `names` to what the site plays now: at a moment after this call began."""
        needed = self._begun + 1
        async with self._lock:
            if self._answered < needed:
                self._begun += 1
                number = self._begun
                self.names = await self._ask()
                self._answered = number

    async def _ask(self) -> frozenset[str]:
        trouble, names = "", frozenset[str]()
        try:
            async with asyncio.timeout(self.timeout_s):
                names = read_names(await self._get())
        except TimeoutError:
            trouble = f"no answer within {self.timeout_s:g} s"
        except (OSError, BadAnswer) as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            log.warning("%s cannot be asked for its hosts: %s", self.service, trouble)
        self._trouble = trouble
        return names

    async def _get(self) -> bytes:
        """Return the answer of the site's admin side. Raises OSError or BadAnswer."""
        reader, writer = await asyncio.open_connection(self.service, self.port, family=socket.AF_INET)
        try:
            writer.write(f"GET /hosts HTTP/1.0\r\nHost: {self.service}:{self.port}\r\n\r\n".encode())
            answer = bytearray()
            while data := await reader.read(READ_BYTES):
                answer += data
                if len(answer) > MAX_ANSWER_BYTES:
                    raise BadAnswer(f"its answer has more than {MAX_ANSWER_BYTES:,} bytes")
            return bytes(answer)
        finally:
            writer.close()


def read_names(answer: bytes) -> frozenset[str]:
    """Return the host names in a response to GET /hosts; what is no host name is left out. Raises BadAnswer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise BadAnswer(f"its answer has status {b''.join(status).decode('latin-1')[:3] or 'none'}")
    try:
        names = json.loads(body)["hosts"]
        return frozenset(name for name in names if isinstance(name, str) and HOST_NAME.fullmatch(name))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadAnswer("its answer is no list of hosts") from error
