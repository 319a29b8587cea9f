"""The files that figures are written into: an error is one line. The JSON file has every single value."""

import errno
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab.bench.errors import ReportUnwritable
from lab.bench.harness import machine, peers
from lab.bench.harness.figures import Json, Result, as_json

SCHEMA = 1


def check_writable(file: Path) -> None:
    """Refuse a file that figures cannot be written into, before they are measured. Raises ReportUnwritable."""
    if file.is_dir():
        raise ReportUnwritable(file, os.strerror(errno.EISDIR))
    if not file.exists() and not file.parent.is_dir():
        raise ReportUnwritable(file, os.strerror(errno.ENOENT))
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ReportUnwritable(file, os.strerror(errno.EACCES))


def write_json(file: Path, results: Sequence[Result]) -> None:
    """Write results with every single value. Raises ReportUnwritable."""
    document: Json = {
        "v": SCHEMA,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine.facts(),
        "peers": {peer.name: peer.version() for peer in peers.ALL},
        "results": [as_json(result) for result in results],
    }
    write(file, json.dumps(document, indent=2) + "\n")


def write(file: Path, text: str) -> None:
    """Write a file of figures. Raises ReportUnwritable."""
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ReportUnwritable(file, error.strerror or str(error)) from error
