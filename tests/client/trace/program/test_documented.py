"""docs/tracing.md: its first example runs as it is printed, and says what is printed there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from tests.client.trace.tracing import by_name, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")

PAGE = ROOT / "docs" / "tracing.md"
BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[\d.]+(?= ms|%)")


def test_the_first_example_says_what_is_printed(tmp_path: Path) -> None:
    """Whose numbers differ from one machine to the next."""
    script, said = BLOCK.findall(PAGE.read_text("utf-8"))[:2]
    client = f'client() {{ "{sys.executable}" -m services.client "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", client + script], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    assert NUMBER.sub("N", done.stderr) == NUMBER.sub("N", said)
    trace = trace_in(tmp_path)
    tasks, [held] = by_name(trace), trace.blockings
    assert set(tasks) == {"main", "museum", "library", "park"}
    assert held.task == tasks["library"].id
