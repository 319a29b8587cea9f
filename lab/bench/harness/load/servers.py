"""The servers: nginx with one worker, and those of this project, each on a port of loopback until the block ends."""

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lab.bench.errors import BenchFailed
from lab.bench.harness.peers import NGINX
from lab.bench.harness.processes import LOOPBACK, Server, free_port, serving
from services.runtime.files.temporary import temporary_directory

PAGE = "<!doctype html><title>asynclab</title><p>Only the head of this page was recorded.</p>"
FIELDS = {
    "Last-Modified": "Sun, 04 Dec 2016 14:30:57 GMT",
    "Vary": "Accept-Encoding",
    "Expires": "Sun, 04 Dec 2016 14:32:37 GMT",
    "Cache-Control": "max-age=60",
    "X-Powered-By": "shci_v1.03",
    "X-Cache": "MISS from cernet194-227.sina.com.cn",
}
UNLIKE = "/unlike"  # the path of a page of which no two heads are alike
NGINX_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    default_type text/html;
    keepalive_requests 1000000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        location / {{
            {fields}
            return 200 "{page}";
        }}
        location {unlike} {{
            {fields} add_header X-Request-Id $request_id;
            return 200 "{page}";
        }}
    }}
}}
"""
ASGI_PAGE = "lab.bench.baselines.asgi_page:app"
ASK_TIMEOUT_S = 5.0


@contextlib.contextmanager
def nginx(core: Sequence[str]) -> Iterator[Server]:
    """Serve a small page with a head like www.sina.com.cn's from one nginx worker, and yield it."""
    path = NGINX.path()
    if not path:
        raise BenchFailed("nginx", why="it is missing", evidence=(NGINX.missing(),))
    port = free_port()
    with temporary_directory("asynclab-nginx-") as directory:
        configuration = directory / "nginx.conf"
        configuration.write_text(nginx_configuration(port), "utf-8")
        command = [*core, path, "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
        with serving("nginx", command, port=port) as server:
            yield server


@contextlib.contextmanager
def module(
    name: str,
    core: Sequence[str],
    *words: str,
    port: int,
    environment: Mapping[str, str] | None = None,
    address: str = LOOPBACK,
) -> Iterator[Server]:
    """Run one of this project's programs as a server, and yield it."""
    command = [*core, sys.executable, "-m", name, *words]
    with serving(" ".join((name, *words)), command, port=port, environment=environment, address=address) as server:
        yield server


@contextlib.contextmanager
def sites(core: Sequence[str], directory: Path, *, loop: str, handover: Path | None = None) -> Iterator[Server]:
    """Play recordings, with the same program as in the container.

    `handover`: the Unix socket at which connections are handed over to it.
    """
    port, admin_port = free_port(), free_port()
    environment = sites_environment(directory, port, admin_port) | {"SITES_HANDOVER": str(handover or "")}
    with module("services.sites", core, "--loop", loop, port=port, environment=environment) as server:
        yield replace(server, admin_port=admin_port)


def sites_environment(directory: Path | str, port: int, admin_port: int) -> dict[str, str]:
    """Return the settings with which the sites play the recordings of a directory on loopback."""
    return {
        "SITES_RECORDINGS": str(directory),
        "SITES_HOSTS": "",
        "SITES_HOST": "127.0.0.1",
        "SITES_PORT": str(port),
        "SITES_TLS_PORT": "0",
        "SITES_ADMIN_HOST": "127.0.0.1",
        "SITES_ADMIN_PORT": str(admin_port),
    }


def nginx_configuration(port: int) -> str:
    """Return the configuration of an nginx that serves the small page on a port of loopback."""
    fields = " ".join(f'add_header {name} "{value}";' for name, value in FIELDS.items())
    return NGINX_CONFIGURATION.format(port=port, fields=fields, page=PAGE, unlike=UNLIKE)


def null(core: Sequence[str], directory: Path, *, loop: str) -> contextlib.AbstractContextManager[Server]:
    """Answer with the same bytes, and do nothing else: no protocol on that loop can do more."""
    port = free_port()
    return module("lab.bench.baselines.null_server", core, str(port), str(directory), "--loop", loop, port=port)


def hello(
    core: Sequence[str], *, loop: str, delay_s: float, workers: int = 1, program: str = "services.hello"
) -> contextlib.AbstractContextManager[Server]:
    """Run the hello server. `program`: a variant of it."""
    port = free_port()
    environment = {
        "HELLO_HOST": "127.0.0.1",
        "HELLO_PORT": str(port),
        "HELLO_DELAY_S": str(delay_s),
        "HELLO_WORKERS": str(workers),
    }
    return module(program, core, "--loop", loop, port=port, environment=environment)


def unmeasured_hello(core: Sequence[str], *, loop: str) -> contextlib.AbstractContextManager[Server]:
    """Run the hello server without its sleep and without its metrics."""
    return hello(core, loop=loop, delay_s=0, program="lab.bench.baselines.unmeasured_hello")


def low_level(core: Sequence[str], *, loop: str, workers: int = 1) -> contextlib.AbstractContextManager[Server]:
    """Answer with hello's page from aiohttp's low-level server, without routes, metrics or signals."""
    port = free_port()
    words = (str(port), "--loop", loop, "--workers", str(workers))
    return module("lab.bench.baselines.low_level", core, *words, port=port)


def tutorial(core: Sequence[str], *, loop: str) -> contextlib.AbstractContextManager[Server]:
    """Answer with hello's page from the tutorial's program, without its sleep."""
    port = free_port()
    return module("lab.bench.baselines.tutorial", core, str(port), "--loop", loop, "--delay", "0", port=port)


def null_hello(core: Sequence[str], *, loop: str, delay_s: float) -> contextlib.AbstractContextManager[Server]:
    """Greet each user after the delay, and do nothing else."""
    port = free_port()
    return module("lab.bench.baselines.null_hello", core, str(port), "--loop", loop, "--delay", str(delay_s), port=port)


def uvicorn(core: Sequence[str], *, workers: int = 1) -> contextlib.AbstractContextManager[Server]:
    """Answer with hello's page from starlette on uvicorn, on its quickest loop and parser."""
    port = free_port()
    words = ("--port", str(port), "--workers", str(workers), "--loop", "uvloop", "--http", "httptools")
    quiet = ("--no-access-log", "--log-level", "error")
    return module("uvicorn", core, ASGI_PAGE, *words, *quiet, port=port)


def granian(core: Sequence[str], *, workers: int = 1) -> contextlib.AbstractContextManager[Server]:
    """Answer with hello's page from starlette on granian."""
    port = free_port()
    words = ("--port", str(port), "--workers", str(workers), "--loop", "uvloop", "--interface", "asgi", "--no-log")
    return module("granian", core, *words, ASGI_PAGE, port=port)


def answer_of(port: int, request: bytes) -> bytes:
    """Return the whole answer to a request, as it came; its Content-Length ends it."""
    with socket.create_connection(("127.0.0.1", port), timeout=ASK_TIMEOUT_S) as connection:
        connection.sendall(request)
        answer = b""
        while not whole(answer):
            block = connection.recv(65_536)
            if not block:
                raise BenchFailed(f"port {port}", why="its answer is cut short")
            answer += block
    return answer


def whole(answer: bytes) -> bool:
    """Return whether an answer has all the bytes of its Content-Length."""
    head, end, body = answer.partition(b"\r\n\r\n")
    fields = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    lengths = [int(value) for name, _, value in fields if name.lower() == b"content-length"]
    return bool(end) and len(body) >= (lengths[0] if lengths else 0)
