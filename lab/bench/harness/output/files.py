"""The files that figures are written into: an error is one line. The JSON file has every single value."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab.bench.errors import ReportUnwritable
from lab.bench.harness import machine, peers
from lab.bench.harness.figures import Json, Result, as_json

SCHEMA = 1


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
