"""A function that records from a HAR file."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from services.client.record.program import record
from services.client.topology import Topology
from tests.client.record.har.entries import har_options
from tests.client.record.web import Record


@pytest.fixture
def record_har(tmp_path: Path, runner: asyncio.Runner) -> Record:
    """Return a function that records from a HAR file into tmp_path/out, and returns the exit code."""

    def go(content: object, **changes: Any) -> int:
        file = tmp_path / "saved.har"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return runner.run(record(har_options(tmp_path, **changes), Topology({}, closed=True)))

    return go
