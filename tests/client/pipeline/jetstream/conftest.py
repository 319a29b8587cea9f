"""A broker for each test of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.pipeline.jetstream.brokers import Broker, running_broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker, killed at the end."""
    with running_broker(tmp_path) as broker:
        yield broker
