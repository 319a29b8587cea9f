"""The files of the page, read once when the server starts: a request names one of them or nothing.

`index.html` has the text TOKEN_PLACE where the token of this start belongs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from services.watch.protection import TOKEN
from services.watch.responses import Refused

DIRECTORY = Path(__file__).parent / "page"
INDEX = "index.html"
TOKEN_PLACE = "@TOKEN@"  # noqa: S105 - a place, not a token
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The content of each file by its path below the page's directory, with slashes."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    def response(self, path: str) -> web.Response:
        """Return a file. Raises Refused where there is no such file."""
        content = self.contents.get(path)
        if content is None:
            raise Refused(404, f"the page has no file {path[:100]}")
        return web.Response(body=content, content_type=TYPES[Path(path).suffix], charset="utf-8")


PAGE = web.AppKey("PAGE", PageFiles)


def read_page(directory: Path = DIRECTORY) -> PageFiles:
    """Return the files of the page, of the types that a page has. It blocks."""
    found = (file for file in sorted(directory.rglob("*")) if file.suffix in TYPES and file.is_file())
    return PageFiles({file.relative_to(directory).as_posix(): file.read_bytes() for file in found})


async def index(request: web.Request) -> web.Response:
    """Return the page, with the token of this start."""
    response = request.app[PAGE].response(INDEX)
    assert isinstance(response.body, bytes)  # noqa: S101 - for mypy
    response.body = response.body.replace(TOKEN_PLACE.encode(), request.app[TOKEN].encode())
    return response


async def static(request: web.Request) -> web.Response:
    """Return a file of the page."""
    path = request.match_info["path"]
    if path == INDEX:
        raise Refused(404, "the page is at /")
    return request.app[PAGE].response(path)
