"""`client pipeline`: the dialogue, and its end."""

import os
import signal
import subprocess
import sys

import pytest

from services.client.pipeline.command import Options, main
from services.client.settings import ClientSettings
from services.runtime.run import Stop
from services.runtime.settings import LOOPS
from tests.tutorial import DIALOGUE


@pytest.mark.anyio
@pytest.mark.parametrize(("items", "dialogue"), [(0, ""), (5, DIALOGUE)], ids=["none", "the tutorial's"])
async def test_each_item_is_consumed_before_the_next_is_made(
    items: int, dialogue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tutorial's dialogue, line for line."""
    assert await main(Options(items), ClientSettings(), Stop()) == 0
    assert capsys.readouterr().out == dialogue


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_ends_it_after_a_whole_item(loop: str, number: signal.Signals) -> None:
    """Exit 130, with any number of items."""
    command = (sys.executable, "-m", "services.client", "pipeline", "-n", "1000000000", "--loop", loop)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as pipeline:
        try:
            assert pipeline.stdout
            assert pipeline.stdout.readline() == "[PRODUCER] Producing 1...\n"
            os.kill(pipeline.pid, number)
            *_, last = pipeline.stdout
            assert pipeline.wait() == 130
        finally:
            pipeline.kill()
    assert last == "[PRODUCER] Consumer return: 200 OK\n"
