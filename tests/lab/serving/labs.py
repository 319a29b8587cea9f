"""`lab serve` as a process, and what its addresses answer."""

import json
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import ROOT

LAB = Path(sys.executable).parent / "lab"
TIMEOUT_S = 30.0

Process = subprocess.Popen[bytes]


@contextmanager
def serving(*words: str, **streams: Any) -> Iterator[Process]:
    """Start `lab serve`, and kill it on the way out if it still runs."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([LAB, "serve", *words], cwd=ROOT, **{**pipes, **streams}) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: Process) -> dict[str, Any]:
    """Return the object that a lab prints once it is ready."""
    assert process.stdout
    line = process.stdout.readline()
    assert line, "it ended before it was ready"
    found: dict[str, Any] = json.loads(line)
    return found


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `lab serve` to its end."""
    usual = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": TIMEOUT_S}
    return subprocess.run([LAB, "serve", *words], cwd=ROOT, check=False, **{**usual, **options})


def get(url: str, *, host: str = "", ca: str | None = None) -> bytes:
    """Return the body at a URL, without any proxy. `host`: the Host field."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False  # the URLs have addresses
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 - http or https
    with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as response:
        return bytes(response.read())


def accepts(url: str) -> bool:
    """Return whether a port is listened on."""
    host, _, port = url.partition("://")[2].partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
