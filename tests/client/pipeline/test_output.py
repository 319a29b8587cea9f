"""Where nothing can be written any more: the run ends, at once, with the documented exit code."""

import subprocess

import pytest

from services.runtime.settings import LOOPS
from tests.client.pipeline.test_command import LOCAL, PROGRAM


def test_a_reader_that_leaves_ends_it() -> None:
    """As in `| head`: exit 0, without a word more."""
    words = ("--edition", "queue", "-n", "1000000000", "--format", "json", "-q")
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as pipeline:
        try:
            assert pipeline.stdout
            pipeline.stdout.readline()
            pipeline.stdout.close()
            assert pipeline.wait() == 0
            assert pipeline.stderr
            assert pipeline.stderr.read() == ""
        finally:
            pipeline.kill()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_a_reader_that_leaves_ends_a_slow_run_too(loop: str, edition: str) -> None:
    """With the first result that cannot be written: others may come late. Here, none comes before the run ends."""
    words = ("--edition", edition, "-i", "-", "--format", "json", "-q", "--loop", loop)
    with subprocess.Popen(
        [*PROGRAM, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as pipeline:
        try:
            assert pipeline.stdin
            assert pipeline.stdout
            assert pipeline.stderr
            for read in (pipeline.stdout.readline, pipeline.stdout.close, pipeline.stderr.read):
                pipeline.stdin.write("no target\n")
                pipeline.stdin.flush()
                read()
            assert pipeline.wait() == 0
        finally:
            pipeline.kill()
