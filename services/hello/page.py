"""A page as a response: to nearly every request, head and body are one prepared piece of bytes.

aiohttp makes the head of each response from a dictionary of fields. The fields of a page are always the same, so a GET
in HTTP/1.1 that keeps its connection gets them from `HEAD`, byte for byte as aiohttp would write them. Every other
request gets what aiohttp makes of the same page.
"""

from email.utils import formatdate
from time import time

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11

PAGE = "text/html"
HEAD = (
    f"HTTP/1.1 200 OK\r\nContent-Type: {PAGE}; charset=utf-8\r\nContent-Length: %d\r\nDate: %b\r\n"
    f"Server: {SERVER_SOFTWARE}\r\n\r\n%b"
).encode("ascii")


class Page(web.StreamResponse):
    """A page of HTML. `other` is the response of aiohttp that replaces it where the request is not the usual one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.other: web.Response | None = None
        self.writer: AbstractStreamWriter | None = None

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection goes on after this response; None as long as that is not known."""
        if self.other is not None:
            return self.other.keep_alive
        return self.writer is not None or super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Choose how the request is answered. aiohttp calls it once, and then `write_eof`."""
        may_go_on = super().keep_alive is None  # False after `force_close`
        if may_go_on and request.method == "GET" and request.version == HttpVersion11 and request.keep_alive:
            self.writer = request.writer
            return self.writer
        self.other = web.Response(text=self.text, content_type=PAGE)
        if not may_go_on:
            self.other.force_close()
        return await self.other.prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """Write the whole response."""
        if self.other is not None:
            await self.other.write_eof(data)
        elif self.writer is not None:
            body = self.text.encode()
            await self.writer.write_eof(HEAD % (len(body), DATE.now(), body))


class DateField:
    """The value of the Date field, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def now(self) -> bytes:
        """Return it (RFC 9110, section 6.6.1)."""
        second = int(time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode("ascii")
        return self._text


DATE = DateField()
