"""A contestant: hello's page as an ASGI application (starlette), for uvicorn and granian.

`uvicorn lab.bench.baselines.asgi_page:app`. It has one route and no middleware: what a small ASGI service is.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route


async def index(_request: Request) -> HTMLResponse:
    return HTMLResponse("<h1>Index</h1>")


app = Starlette(routes=[Route("/", index)])
